// What the node asks. Nothing it may send harms what runs: what does not fit is refused with a typed answer.
#include "apps/keeper/keeper.hpp"

#include "backends/native/identity.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

namespace duende::keeper {

using protocol::kind;
using protocol::refusal;

void keeper::on_socket(std::uint32_t events) {
  if (node_.socket < 0)
    return;
  bool hung_up = (events & (EPOLLHUP | EPOLLERR)) != 0;
  if ((events & EPOLLOUT) != 0)
    blocked_ = false;
  // Bounded: the ends of children must not wait behind a flood of requests. A start is dear, a signal is not.
  constexpr int turn = 1024, cost_of_start = 16;
  for (int spent = 0; hung_up || (spent < turn && !blocked_ && !crowded()); ++spent) {
    if (node_.socket < 0)
      return;
    incoming next;
    auto result = receive_packet(node_.socket, in_, sizeof in_, next);
    if (result == transfer::gone)
      return close_socket();
    if (result != transfer::done)
      return;
    protocol::header head;
    if (next.too_large)
      refuse(kind{}, refusal::too_large, {}, 0, protocol::max_packet);
    else if (next.fd >= 0 && protocol::read_header(next.packet, head) && head.in_memfd)
      on_large(next.packet, next.fd);
    else {
      beside_ = next.fd;
      handle(next.packet);
      next.fd = std::exchange(beside_, -1);
    }
    if (next.fd >= 0 || (protocol::read_header(next.packet, head) && head.kind == kind::spawn))
      spent += cost_of_start;
    if (next.fd >= 0)
      close(next.fd);
  }
}

template <class Request>
bool keeper::understand(std::string_view packet, Request& request) {
  if (decode(packet, request))
    return true;
  uuid id;
  std::uint32_t incarnation = 0;
  if constexpr (std::is_same_v<Request, protocol::spawn>) // somebody waits for the outcome
    if (!protocol::read_subject(packet, id, incarnation))
      id = {};
  refuse(Request::type, refusal::malformed, id, incarnation);
  return false;
}

void keeper::handle(std::string_view packet) {
  protocol::header head;
  if (!protocol::read_header(packet, head))
    return refuse(kind{}, refusal::malformed);
  if (head.version != protocol::version)
    return refuse(kind{}, refusal::other_version, {}, 0, protocol::version);
  if (head.in_memfd) // its descriptor was lost on the way: we have no number for it
    return on_large(packet, -1);
  auto dispatch_to = [&](auto request, auto&& handler) {
    if (understand(packet, request))
      (this->*handler)(request);
  };
  switch (head.kind) {
    case kind::hello: return dispatch_to(protocol::hello{}, &keeper::on_hello);
    case kind::list: return on_list();
    case kind::spawn: return on_spawn(packet);
    case kind::signal: return dispatch_to(protocol::signal{}, &keeper::on_signal);
    case kind::forget: return dispatch_to(protocol::forget{}, &keeper::on_forget);
    case kind::set_record: return dispatch_to(protocol::set_record{}, &keeper::on_set_record);
    case kind::main_pid: return dispatch_to(protocol::main_pid{}, &keeper::on_main_pid);
    case kind::adopt_orphan: return dispatch_to(protocol::adopt_orphan{}, &keeper::on_adopt);
    case kind::end_orphan: return dispatch_to(protocol::end_orphan{}, &keeper::on_end_orphan);
    case kind::retain_sockets: return dispatch_to(protocol::retain_sockets{}, &keeper::on_retain_sockets);
    case kind::upgrade: return dispatch_to(protocol::upgrade{}, &keeper::on_upgrade);
    case kind::healthy: return on_healthy();
    case kind::store_fd: return dispatch_to(protocol::store_fd{}, &keeper::on_store_fd);
    case kind::drop_fds: return dispatch_to(protocol::drop_fds{}, &keeper::on_drop_fds);
    case kind::finish: {
      protocol::finish request;
      if (!understand(packet, request))
        return;
      node_.finishing = true;
      node_.finish_code = request.code;
      return;
    }
    case kind::ping: {
      protocol::ping request;
      if (!understand(packet, request))
        return;
      encode(out_, protocol::pong{request.token});
      return reply(out_);
    }
    default: return refuse(kind{}, refusal::unknown_kind);
  }
}

void keeper::on_large(std::string_view announcement, int fd) {
  protocol::header head;
  protocol::read_header(announcement, head);
  uuid id;
  std::uint32_t incarnation = 0;
  if (!protocol::read_subject(announcement, id, incarnation))
    id = {};
  auto no = [&](refusal why, std::int64_t detail) { refuse(head.kind, why, id, incarnation, detail); };
  if (head.version != protocol::version)
    return refuse(head.kind, refusal::other_version, {}, 0, protocol::version);
  struct stat info {};
  if (fd < 0)
    return no(refusal::system, EMFILE);
  if (head.kind != kind::spawn || fstat(fd, &info) != 0 || info.st_size <= 0)
    return no(refusal::malformed, 0);
  auto size = static_cast<std::size_t>(info.st_size);
  if (size > protocol::max_request)
    return no(refusal::too_large, protocol::max_request);
  auto* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return no(refusal::system, errno);
  auto count = pread(fd, memory, size, 0); // copied: the sender could still change it
  protocol::header inner;
  std::string_view packet{static_cast<char*>(memory), count > 0 ? static_cast<std::size_t>(count) : 0};
  if (protocol::read_header(packet, inner) && inner.kind == head.kind && !inner.in_memfd)
    handle(packet);
  else
    no(refusal::malformed, 0);
  munmap(memory, size);
}

void keeper::refuse(kind what, refusal why, const uuid& id, std::uint32_t incarnation, std::int64_t detail) {
  encode(out_, protocol::refused{what, why, id, incarnation, detail});
  reply(out_);
}

/// The slot that a request is about, or null after a refusal.
slot* keeper::target(kind what, const uuid& id, std::uint32_t incarnation) {
  auto* which = find(id);
  if (which == nullptr || which->phase == phase::orphan)
    refuse(what, refusal::unknown_id, id, incarnation);
  else if (which->incarnation != incarnation)
    refuse(what, refusal::old_incarnation, id, incarnation, which->incarnation);
  else
    return which;
  return nullptr;
}

void keeper::on_hello(const protocol::hello& request) {
  if (request.version != protocol::version)
    return refuse(kind::hello, refusal::other_version, {}, 0, protocol::version);
  protocol::welcome answer;
  answer.keeper_pid = getpid();
  answer.generation = node_.generation;
  encode(out_, answer);
  if (send(out_, stage_, 2) == transfer::done)
    node_.greeted = true;
}

void keeper::on_list() {
  for (auto& each : slots_)
    if (each)
      tell(*each, each->phase == phase::failed ? untold_held | untold_failure : untold_held);
  listing_ = true;
}

void keeper::on_spawn(std::string_view packet) {
  auto* start = packet.size() <= protocol::max_packet ? free_flight() : nullptr;
  if (start != nullptr) {
    start->packet.assign(packet); // in_ is for the next one
    packet = start->packet;
  }
  auto& request = start != nullptr ? start->request : spawn_; // their vectors keep their memory
  if (!understand(packet, request))
    return;
  auto no = [&](refusal why, std::int64_t detail) {
    refuse(kind::spawn, why, request.id, request.incarnation, detail);
  };
  if (ending_ != ending::no)
    return no(refusal::stopping, 0);
  if (request.path.empty() || request.argv.empty() || request.sockets.size() != request.socket_names.size())
    return no(refusal::malformed, 0);
  auto* known = find(request.id);
  if (known != nullptr && known->phase == phase::orphan)
    return no(refusal::orphan_alive, known->pid);
  if (known != nullptr && known->has_process())
    return no(refusal::still_running, known->pid);
  auto* which = known != nullptr ? known : obtain(request.id);
  if (which == nullptr)
    return no(refusal::too_many_children, ledger::capacity);
  launch(*which, request, start != nullptr && may_share(request) && !has_stored(*which) ? start : nullptr);
}

void keeper::on_signal(const protocol::signal& request) {
  auto* which = target(kind::signal, request.id, request.incarnation);
  if (which == nullptr)
    return;
  if (!which->has_process())
    return refuse(kind::signal, refusal::not_running, request.id, request.incarnation);
  if (int error = signal_child(*which, request.number, request.scope); error == ESRCH)
    refuse(kind::signal, refusal::not_running, request.id, request.incarnation);
  else if (error != 0)
    refuse(kind::signal, refusal::system, request.id, request.incarnation, error);
}

void keeper::on_forget(const protocol::forget& request) {
  auto* which = find(request.id);
  if (which == nullptr)
    return refuse(kind::forget, refusal::unknown_id, request.id);
  if (which->has_process())
    return refuse(kind::forget, refusal::still_running, request.id, which->incarnation, which->pid);
  drop(*which);
}

void keeper::on_set_record(const protocol::set_record& request) {
  if (auto* which = target(kind::set_record, request.id, request.incarnation); which != nullptr)
    which->record.assign(request.record);
}

void keeper::on_main_pid(const protocol::main_pid& request) {
  auto* which = target(kind::main_pid, request.id, request.incarnation);
  if (which == nullptr || request.pid == which->pid)
    return;
  auto no = [&](refusal why, std::int64_t detail) {
    refuse(kind::main_pid, why, request.id, request.incarnation, detail);
  };
  if (which->phase != phase::running)
    return no(refusal::not_running, 0);
  auto pidfd = static_cast<int>(syscall(SYS_pidfd_open, request.pid, 0));
  if (pidfd < 0)
    return no(refusal::system, errno);
  // Its ancestors lead to the present main process; or its parent has ended and it is ours, the subreaper's.
  process_facts facts;
  bool known = read_process(request.pid, facts);
  auto start_time = facts.start_time;
  bool fits = known && facts.parent == getpid() && by_pid_.count(request.pid) == 0 && request.pid != node_.pid;
  for (int hops = 0; known && !fits && facts.parent > 1 && hops < 64; ++hops) {
    fits = facts.parent == which->pid;
    known = fits || read_process(facts.parent, facts);
  }
  // Alive still, so what was read belongs to the pidfd.
  if (!fits || syscall(SYS_pidfd_send_signal, pidfd, 0, nullptr, 0) != 0) {
    close(pidfd);
    return no(refusal::not_a_descendant, request.pid);
  }
  if (!watch(pidfd, tag::slot_exit, which->index)) {
    int problem = errno;
    close(pidfd);
    return no(refusal::system, problem);
  }
  unwatch(which->pidfd);
  close(which->pidfd);
  by_pid_.erase(which->pid); // from now on a stranger, reaped as such
  which->pidfd = pidfd;
  which->pid = request.pid;
  which->start_time = start_time;
  which->own_child = false;
  by_pid_[which->pid] = which->index;
  auto& entry = ledger_[which->index];
  __atomic_store_n(&entry.pid, 0, __ATOMIC_RELEASE);
  entry.start_time = start_time;
  entry.span = 0;
  __atomic_store_n(&entry.pid, which->pid, __ATOMIC_RELEASE);
  tell(*which, untold_spawned);
}

} // namespace duende::keeper
