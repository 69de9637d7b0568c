#include "backends/native/link.hpp"

#include "backends/native/link_impl.hpp"
#include "policies/confinement.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace duende {
namespace {

constexpr auto greeting_bound = std::chrono::seconds{10};
constexpr auto answer_bound = std::chrono::seconds{5};

/// Waits until the socket can be read; false at the deadline.
bool wait_readable(int fd, instant deadline) {
  for (;;) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - monotonic_now()).count();
    pollfd one{fd, POLLIN, 0};
    int count = poll(&one, 1, left > 0 ? static_cast<int>(left) : 0);
    if (count > 0)
      return true;
    if (count == 0 || errno != EINTR)
      return false;
  }
}

} // namespace

keeper_link::keeper_link(std::shared_ptr<impl> state) : impl_(std::move(state)) {}

keeper_link::~keeper_link() { silence(); }

void keeper_link::silence() {
  impl_->closed = true;
  if (!impl_->io.on_reactor_thread()) // a call under way ends first
    std::lock_guard wait{impl_->calling};
  impl_->io.remove(impl_->fd);
}

caf::expected<std::unique_ptr<keeper_link>> keeper_link::connect(reactor& io, int fd, link_events events) {
  auto state = std::make_shared<impl>(io, fd, std::move(events));
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  int size = 1 << 20;
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  protocol::hello greeting;
  greeting.pid = getpid();
  state->send(greeting);
  state->send(protocol::list{});
  auto deadline = monotonic_now() + greeting_bound;
  while (!state->listed) {
    if (!wait_readable(fd, deadline))
      return fail(errc::timed_out, "the keeper did not answer within 10s");
    if (!state->receive())
      return fail(errc::unreachable, "the keeper closed the connection");
    if (!state->rejection.empty())
      return make_error(errc::protocol_error, state->rejection);
  }
  return std::unique_ptr<keeper_link>{new keeper_link(std::move(state))};
}

std::vector<held_child> keeper_link::list() { return std::exchange(impl_->held, {}); }
std::vector<orphan_process> keeper_link::orphans() const { return impl_->orphans; }
int keeper_link::stage_read_fd() const { return impl_->stage[0]; }
int keeper_link::stage_write_fd() const { return impl_->stage[1]; }
std::uint32_t keeper_link::generation() const { return impl_->generation; }
pid_t keeper_link::keeper_pid() const { return impl_->keeper_pid; }

void keeper_link::start() {
  impl_->io.post([state = impl_] {
    state->begin_calls();
    std::lock_guard lock{state->sending};
    auto events = static_cast<std::uint32_t>(EPOLLIN) | (state->queue.empty() ? 0u : static_cast<unsigned>(EPOLLOUT));
    state->watched =
      !state->closed && state->io.add(state->fd, events, [state](std::uint32_t what) { state->on_ready(what); });
  });
}

void keeper_link::launch(const launch_request& request) {
  protocol::spawn message;
  message.id = request.id;
  message.incarnation = request.incarnation;
  message.path = request.path;
  message.argv.assign(request.argv.begin(), request.argv.end());
  message.env.assign(request.env.begin(), request.env.end());
  message.working_dir = request.working_dir;
  message.change_user = request.change_user;
  message.uid = request.uid;
  message.gid = request.gid;
  message.groups.assign(request.groups.begin(), request.groups.end());
  for (auto& [resource, value] : request.rlimits)
    message.limits.push_back({resource, value.rlim_cur, value.rlim_max});
  message.cgroup = request.cgroup;
  message.no_new_privileges = request.no_new_privileges;
  if (const auto* box = request.sandbox.get(); box != nullptr) {
    auto& to = message.sandbox;
    to.parts = box->parts;
    to.optional = box->optional;
    to.capabilities = box->capabilities;
    to.restricted = box->restricted;
    for (const auto& [path, rights] : box->paths)
      to.paths.push_back({path, rights});
    to.names_calls = box->names_calls;
    if (box->filter)
      to.filter = *box->filter;
  }
  message.out = static_cast<protocol::stdio>(request.out);
  message.err = static_cast<protocol::stdio>(request.err);
  message.output_of = request.output_of;
  message.notify_path = request.notify_path;
  message.ready_fd = request.ready_fd;
  for (auto& [listen, name] : request.sockets) {
    message.sockets.push_back(listen);
    message.socket_names.push_back(name);
  }
  message.record = request.record;
  if (request.record.size() > protocol::max_record)
    return impl_->refuse_launch(request.id, request.incarnation, "its record is larger than 4 KiB");
  if (request.path.empty() || request.argv.empty())
    return impl_->refuse_launch(request.id, request.incarnation, "no program is named");
  impl_->send(message);
}

void keeper_link::signal(const uuid& id, std::uint32_t incarnation, int number, signal_scope scope) {
  impl_->send(protocol::signal{id, incarnation, number, static_cast<protocol::scope>(scope)});
}

void keeper_link::forget(const uuid& id) { impl_->send(protocol::forget{id}); }

void keeper_link::set_record(const uuid& id, std::uint32_t incarnation, std::string record) {
  impl_->send(protocol::set_record{id, incarnation, record});
}

void keeper_link::main_pid(const uuid& id, std::uint32_t incarnation, pid_t pid) {
  impl_->send(protocol::main_pid{id, incarnation, pid});
}

void keeper_link::adopt_orphan(
  const uuid& id, std::uint32_t incarnation, std::string record, std::string notify_path, std::string cgroup,
  const std::vector<std::string>& sockets) {
  impl_->send(protocol::adopt_orphan{id, incarnation, cgroup, notify_path, {sockets.begin(), sockets.end()}, record});
}

void keeper_link::retain_sockets(const std::vector<std::string>& sockets) {
  impl_->send(protocol::retain_sockets{{sockets.begin(), sockets.end()}});
}

void keeper_link::store_fd(const uuid& id, const std::string& name, bool poll, std::uint32_t most, int fd) {
  impl_->send(protocol::store_fd{id, most, poll, name}, fd);
}

void keeper_link::drop_fds(const uuid& id, const std::string& name) { impl_->send(protocol::drop_fds{id, name}); }

void keeper_link::end_orphan(const uuid& id, int number) { impl_->send(protocol::end_orphan{id, number}); }

caf::expected<void> keeper_link::upgrade(duration patience) {
  std::lock_guard alone{impl_->upgrading};
  std::unique_lock lock{impl_->answering};
  impl_->answer.reset();
  protocol::upgrade request;
  request.patience_ms =
    static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(patience).count());
  impl_->send(request);
  if (!impl_->answered.wait_for(lock, answer_bound, [&] { return impl_->answer.has_value(); }))
    return fail(errc::timed_out, "the keeper did not answer within 5s");
  if (*impl_->answer)
    return std::exchange(*impl_->answer, caf::error{});
  return caf::unit;
}

void keeper_link::healthy() { impl_->send(protocol::healthy{}); }

void keeper_link::finish(int code) { impl_->send(protocol::finish{code}); }

} // namespace duende
