// Receiving: packets of the keeper become calls of link_events.
#include "backends/native/failure.hpp"
#include "backends/native/identity.hpp"
#include "backends/native/link_impl.hpp"

#include <fmt/format.h>

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace duende {

/// Descriptors beside a packet; those that nobody takes are closed.
struct keeper_link::impl::descriptors {
  int all[protocol::max_descriptors];
  std::size_t count = 0, next = 0;
  int take() { return next < count ? all[next++] : -1; }
  ~descriptors() {
    while (next < count)
      close(all[next++]);
  }
};

namespace {

constexpr int receive_batch = 64; ///< then other descriptors of the reactor have their turn

process_exit to_exit(const protocol::exited& from) {
  process_exit to;
  to.id = from.id;
  to.incarnation = from.incarnation;
  to.pid = from.pid;
  to.status = from.status;
  to.usage = {duration{from.user}, duration{from.system}, from.max_rss_bytes};
  to.started_at = instant{duration{from.started}};
  to.ended_at = instant{duration{from.ended}};
  to.ended_wall = wall_time{std::chrono::milliseconds{from.ended_wall_ms}};
  to.refused_call = from.refused_call;
  to.call_arch = from.call_arch;
  return to;
}

std::string describe(const protocol::refused& from) {
  using enum protocol::refusal;
  switch (from.why) {
    case malformed: return "the keeper could not read the request";
    case unknown_kind: return "the keeper does not know the request";
    case other_version:
      return fmt::format("the keeper speaks version {}, this node {}", from.detail, protocol::version);
    case too_large: return fmt::format("the request is larger than {} bytes", from.detail);
    case unknown_id: return "the keeper holds no such child";
    case old_incarnation: return fmt::format("the present incarnation is {}", from.detail);
    case not_running: return "it does not run";
    case still_running: return fmt::format("already runs as pid {}", from.detail);
    case orphan_alive: return fmt::format("still runs as pid {}, left by an earlier keeper", from.detail);
    case not_a_descendant: return fmt::format("pid {} is none of its processes", from.detail);
    case too_many_children: return fmt::format("the keeper holds {} children, its limit", from.detail);
    case system: return std::strerror(static_cast<int>(from.detail));
    case stopping: return "the keeper is stopping";
    case store_full: return fmt::format("it has {} already, its fd_store_max", from.detail);
  }
  return "refused";
}

} // namespace

keeper_link::impl::impl(reactor& where, int socket, link_events calls)
  : io(where), fd(socket), events(std::move(calls)) {}

keeper_link::impl::~impl() {
  for (auto& each : queue)
    if (each.memfd >= 0)
      close(each.memfd);
  for (auto& each : held)
    for (int one : {each.channels.out, each.channels.err, each.channels.notify, each.channels.ready})
      if (one >= 0)
        close(one);
  for (int one : {stage[0], stage[1], fd})
    if (one >= 0)
      close(one);
}

bool keeper_link::impl::receive() {
  thread_local std::vector<char> buffer(protocol::max_packet);
  for (int i = 0; i < receive_batch; ++i) {
    iovec part{buffer.data(), buffer.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(protocol::max_descriptors * sizeof(int))];
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    auto size = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < 0 && errno == EINTR)
      continue;
    if (size < 0)
      return errno == EAGAIN;
    descriptors fds;
    for (auto* head = CMSG_FIRSTHDR(&message); head != nullptr; head = CMSG_NXTHDR(&message, head)) {
      if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
        continue;
      fds.count = std::min((head->cmsg_len - CMSG_LEN(0)) / sizeof(int), protocol::max_descriptors);
      std::memcpy(fds.all, CMSG_DATA(head), fds.count * sizeof(int));
    }
    if (size == 0)
      return false;
    handle({buffer.data(), static_cast<std::size_t>(size)}, fds);
    if (!calls_began && listed)
      return true; // the rest belongs to start()
  }
  return true;
}

void keeper_link::impl::tell(std::function<void()> call) {
  if (!calls_began) {
    early.push_back(std::move(call));
    return;
  }
  std::lock_guard lock{calling};
  if (!closed)
    call();
}

void keeper_link::impl::begin_calls() {
  calls_began = true;
  while (!early.empty()) {
    auto call = std::move(early.front());
    early.pop_front();
    tell(std::move(call));
  }
}

void keeper_link::impl::lost() {
  if (std::exchange(ended, true))
    return;
  io.remove(fd);
  tell([this] {
    if (events.on_lost)
      events.on_lost("the keeper closed the connection");
  });
}

void keeper_link::impl::handle(std::string_view packet, descriptors& fds) {
  using protocol::kind;
  protocol::header head;
  if (!read_header(packet, head))
    return;
  if (head.version != protocol::version && !listed) { // whatever it says: no field of it is ours to read
    rejection = fmt::format("the keeper speaks version {}, this node {}", head.version, protocol::version);
    return;
  }
  auto call = [&](auto message, auto member, auto convert) {
    if (!decode(packet, message))
      return;
    tell([this, member, value = convert(message)]() mutable {
      if (events.*member)
        (events.*member)(std::move(value));
    });
  };
  switch (head.kind) {
    case kind::welcome: {
      protocol::welcome message;
      if (!decode(packet, message) || message.version != protocol::version) {
        rejection = fmt::format("the keeper speaks version {}, this node {}", message.version, protocol::version);
        return;
      }
      keeper_pid = message.keeper_pid;
      generation = message.generation;
      stage[0] = fds.take();
      stage[1] = fds.take();
      return;
    }
    case kind::held: return on_held(packet, fds);
    case kind::orphan: {
      protocol::orphan message;
      if (decode(packet, message))
        orphans.push_back(
          {message.id, message.pid, message.start_time,
           instant{duration{static_cast<std::int64_t>(monotonic_of(message.start_time))}}});
      return;
    }
    case kind::list_end: listed = true; return;
    case kind::channels: {
      protocol::channels message;
      if (!decode(packet, message))
        return;
      daemon_channels fresh{message.id};
      for (auto [bit, member] :
           {std::pair{protocol::channel_out, &fresh.out},
            {protocol::channel_err, &fresh.err},
            {protocol::channel_notify, &fresh.notify},
            {protocol::channel_ready, &fresh.ready}})
        if ((message.mask & bit) != 0)
          *member = fds.take();
      return tell([this, fresh] {
        if (events.on_channels)
          events.on_channels(fresh);
      });
    }
    case kind::spawned:
      return call(protocol::spawned{}, &link_events::on_launched, [](auto& m) {
        return launched{m.id, m.incarnation, m.pid, m.start_time};
      });
    case kind::spawn_failed:
      return call(protocol::spawn_failed{}, &link_events::on_launch_failed, [](auto& m) {
        return launch_failure{m.id, m.incarnation, describe_failure(m.step, m.error, m.subject)};
      });
    case kind::exited: return call(protocol::exited{}, &link_events::on_exit, [](auto& m) { return to_exit(m); });
    case kind::run_changed:
      return call(protocol::run_changed{}, &link_events::on_run_change, [](auto& m) {
        return run_change{m.id, m.incarnation, m.stopped};
      });
    case kind::refused: return on_refused(packet);
    case kind::pong: return answer_upgrade({});
    default: return; // a newer keeper's; nothing that we asked for
  }
}

void keeper_link::impl::on_held(std::string_view packet, descriptors& fds) {
  protocol::held message;
  if (!decode(packet, message))
    return;
  held_child child;
  child.process = {message.process.id, message.process.incarnation, message.process.pid, message.start_time};
  child.running = message.running;
  child.stopped = message.stopped;
  child.started_at = instant{duration{message.process.started}};
  if (!child.running)
    child.exit = to_exit(message.process);
  child.record = std::string{message.record};
  child.channels.id = message.process.id;
  for (auto [bit, member] :
       {std::pair{protocol::channel_out, &child.channels.out},
        {protocol::channel_err, &child.channels.err},
        {protocol::channel_notify, &child.channels.notify},
        {protocol::channel_ready, &child.channels.ready}})
    if ((message.mask & bit) != 0)
      *member = fds.take();
  held.push_back(std::move(child));
}

void keeper_link::impl::answer_upgrade(caf::error what) {
  std::lock_guard lock{answering};
  answer = std::move(what);
  answered.notify_one();
}

void keeper_link::impl::on_refused(std::string_view packet) {
  protocol::refused message;
  if (!decode(packet, message))
    return;
  auto text = describe(message);
  if (message.request == protocol::kind::upgrade)
    return answer_upgrade(make_error(errc::io_failure, "the keeper can't start the program on disk: " + text));
  if (!listed) {
    rejection = text;
    return;
  }
  if (message.request == protocol::kind::set_record && message.why == protocol::refusal::old_incarnation)
    return; // its process is yet to come, after pre_start, and brings its record along
  tell([this, message, text] {
    if (message.request == protocol::kind::store_fd && !message.id.nil()) {
      if (events.on_store_refused)
        events.on_store_refused(message.id, text);
    } else if (message.request == protocol::kind::spawn && !message.id.nil()) {
      if (events.on_launch_failed)
        events.on_launch_failed({message.id, message.incarnation, text});
    } else if (events.on_refused) {
      events.on_refused(text);
    }
  });
}

} // namespace duende
