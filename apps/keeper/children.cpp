// Slots, their channels and launches.
#include "apps/keeper/keeper.hpp"

#include "backends/native/identity.hpp"
#include "policies/confinement_part.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

namespace duende::keeper {

slot* keeper::find(const uuid& id) {
  auto at = by_id_.find(id);
  return at == by_id_.end() ? nullptr : slots_[at->second].get();
}

/// The slot of `id`, made where there is none; null at the limit.
slot* keeper::obtain(const uuid& id) {
  if (auto* known = find(id))
    return known;
  std::uint32_t index;
  if (!free_slots_.empty()) {
    index = free_slots_.back();
    free_slots_.pop_back();
  } else if (slots_.size() < ledger::capacity) {
    index = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    return nullptr;
  }
  slots_[index] = std::make_unique<slot>();
  auto& made = *slots_[index];
  made.id = id;
  made.index = index;
  by_id_.emplace(id, index);
  return &made;
}

void keeper::drop(slot& which) {
  sockaddr_un bound{};
  if (socklen_t size = sizeof bound; which.notify >= 0
                                     && getsockname(which.notify, reinterpret_cast<sockaddr*>(&bound), &size) == 0
                                     && bound.sun_path[0] == '/')
    unlink(bound.sun_path);
  close_channels(which);
  close_network(which);
  drop_stored(which, {});
  by_id_.erase(which.id);
  free_slots_.push_back(which.index);
  slots_[which.index].reset(); // its place in untold_ is skipped
}

void keeper::close_channels(slot& which) {
  for (int* fd : {&which.out, &which.err, &which.ready, &which.notify}) {
    if (*fd >= 0)
      close(*fd);
    *fd = -1;
  }
}

// Opened for both directions a pipe has a reader as long as anyone holds it. So a daemon whose keeper and node are killed
// blocks at a full pipe instead of dying by SIGPIPE, and the next keeper gets the bytes back through /proc/PID/fd.
int keeper::open_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return -1;
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
  int both = open(path, O_RDWR | O_CLOEXEC);
  int problem = errno;
  close(ends[0]);
  close(ends[1]);
  errno = problem;
  return both;
}

int keeper::bind_notify(std::string_view path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  path.copy(address.sun_path, path.size());
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return -1;
  int on = 1;
  unlink(address.sun_path); // a stale one; a live one is ours as well, run_dir is the keeper's alone
  if (
    setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0
    && bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 && chmod(address.sun_path, 0666) == 0)
    return fd;
  int problem = errno;
  close(fd);
  errno = problem;
  return -1;
}

/// A pipe in `fd` where there is none yet.
bool keeper::want_pipe(slot& which, int& fd, std::uint8_t bit) {
  if (fd >= 0)
    return true;
  fd = open_pipe();
  if (fd >= 0)
    which.untold_mask |= bit;
  return fd >= 0;
}

/// Where what it prints goes: pipes of its own slot, or of the one that it shares.
bool keeper::open_output(slot& owner, const protocol::spawn& request) {
  bool open = (request.out != protocol::stdio::pipe || want_pipe(owner, owner.out, protocol::channel_out))
              && (request.err != protocol::stdio::pipe || want_pipe(owner, owner.err, protocol::channel_err));
  if (owner.untold_mask != 0)
    tell(owner, untold_channels);
  return open;
}

/// Makes what `request` wants and the slot does not have yet. On false errno tells.
bool keeper::open_channels(slot& which, const protocol::spawn& request, bool& notify_failed) {
  if (which.ready >= 0) { // bytes of an earlier incarnation must not count
    close(which.ready);
    which.ready = -1;
    which.untold_mask &= static_cast<std::uint8_t>(~protocol::channel_ready);
  }
  if (request.ready_fd >= 3 && !want_pipe(which, which.ready, protocol::channel_ready))
    return false;
  if (request.notify_path.empty() || which.notify >= 0)
    return true;
  notify_failed = true;
  which.notify = bind_notify(request.notify_path);
  if (which.notify < 0)
    return false;
  which.untold_mask |= protocol::channel_notify;
  return true;
}

void keeper::launch(slot& which, const protocol::spawn& request, flight* start) {
  which.incarnation = request.incarnation;
  which.record.assign(request.record);
  which.cgroup.assign(request.cgroup);
  which.exit = {};
  which.failed_subject.clear();
  which.stopped = false;
  which.own_child = true;
  which.untold &= untold_channels;
  which.pid = 0;
  auto* output = request.output_of.nil() ? &which : obtain(request.output_of);
  if (output == nullptr || !open_output(*output, request))
    return fail(which, protocol::step::pipes, output == nullptr ? ENOSPC : errno, {});
  bool notify_failed = false;
  if (!open_channels(which, request, notify_failed))
    return fail(
      which, notify_failed ? protocol::step::notify_socket : protocol::step::pipes, errno,
      notify_failed ? request.notify_path : std::string_view{});
  if (which.untold_mask != 0)
    tell(which, untold_channels);
  if (std::string_view failed; !open_sockets(request, socket_fds_, failed))
    return fail(which, protocol::step::socket, errno, failed);
  for (auto& each : stored_)
    if (each.slot == which.index)
      socket_fds_.push_back(each.fd);
  auto& argv = start != nullptr ? start->argv : argv_;
  auto& env = start != nullptr ? start->env : env_;
  as_pointers(request.argv, argv);
  as_pointers(request.env, env);
  if (!socket_fds_.empty())
    add_listen_env(which, request, env);
  int status[2];
  if (pipe2(status, O_CLOEXEC | O_NONBLOCK) != 0) // another child may hold the write end for long: a read must not wait
    return fail(which, protocol::step::pipes, errno, {});
  child_plan plan;
  plan.request = &request;
  plan.argv = argv.data();
  plan.env = env.data();
  plan.null_fd = null_;
  plan.out = request.out == protocol::stdio::pipe ? output->out : -1;
  plan.err = request.err == protocol::stdio::pipe ? output->err : -1;
  plan.ready = which.ready;
  plan.sockets = socket_fds_.data();
  plan.socket_count = static_cast<int>(socket_fds_.size());
  plan.listen_pid = listen_env_[0].data() + sizeof "LISTEN_PID=" - 1;
  plan.status = status[1];
  bool own_network = (request.sandbox.parts & confine_network) != 0;
  if (!own_network && output == &which)
    close_network(which);
  plan.notices = own_network || request.sandbox.names_calls ? notices() : -1;
  plan.network = output->network; // a hook is where its daemon is
  plan.open_files = raised_open_files_ ? &open_files_ : nullptr;
  plan.book = &ledger_;
  plan.index = which.index;
  plan.staged_begin = staged_begin_;
  plan.staged_end = staged_end_;
  plan.tick = tick_;
  plan.before = boottime();
  which.exit.started = monotonic();
  pid_t pid;
  if (start != nullptr) {
    start->plan = plan;
    stage(*start);
    pid = launch_sharing(*start, which.pidfd);
  } else {
    pid = fork_with_pidfd(which.pidfd);
    if (pid == 0)
      become_child(plan);
  }
  int problem = errno;
  auto after = boottime();
  close(status[1]);
  if (pid < 0) {
    close(status[0]);
    which.pidfd = -1;
    if (start != nullptr)
      clear_staged(*start);
    return fail(which, protocol::step::process, problem, {});
  }
  if (start != nullptr) {
    start->busy = true;
    which.flight = start;
  }
  which.pid = pid;
  which.unexecuted = start == nullptr || !start->staged;
  unexecuted_ += which.unexecuted ? 1u : 0u;
  which.status = status[0];
  which.start_time = start_time_between(plan.before, after);
  if (which.start_time == 0) { // the clock ticked in between
    process_facts facts;
    read_process(pid, facts);
    which.start_time = facts.start_time;
  }
  which.phase = phase::starting;
  by_pid_.emplace(pid, which.index);
  if (!watch(which.pidfd, tag::slot_exit, which.index) || !watch(which.status, tag::slot_status, which.index)) {
    problem = errno; // out of memory or of watches: a child that can't be watched must not run
    syscall(SYS_kill, pid, SIGKILL);
    which.failed_step = protocol::step::process;
    which.failed_error = problem;
    which.phase = phase::failing;
    end_process(which);
  }
}

/// It holds no copies of our descriptors any more.
void keeper::executed(slot& which) {
  unexecuted_ -= which.unexecuted ? 1u : 0u;
  which.unexecuted = false;
}

void keeper::fail(slot& which, protocol::step step, int error, std::string_view subject) {
  which.phase = phase::failed;
  which.failed_step = step;
  which.failed_error = error;
  which.failed_subject.assign(subject);
  tell(which, untold_failure);
}

/// The status pipe is closed (exec succeeded, or the process was killed ahead of it) or brings a report.
void keeper::on_status(slot& which, word left) {
  child_report what;
  auto size = left == word::none ? 0 : read(which.status, &what, sizeof what);
  if (size < 0 && errno == EAGAIN && left == word::some)
    return; // an event of an earlier use of this slot
  if (size != sizeof what)
    executed(which);
  unwatch(which.status);
  close(which.status);
  which.status = -1;
  if (size != sizeof what) {
    land(which);
    which.phase = phase::running;
    tell(which, untold_spawned);
    return;
  }
  which.phase = phase::failing; // and told once its process has gone
  which.failed_step = what.step;
  which.failed_error = what.error;
  what.subject[sizeof what.subject - 1] = '\0';
  which.failed_subject = what.subject;
}

/// Returns errno, 0 for done.
int keeper::signal_child(slot& which, int number, protocol::scope scope) {
  if (scope == protocol::scope::group && number == SIGKILL)
    kill_cgroup(which);
  auto group = which.pid;
  if (!which.own_child) // reaped by others: its group's number is good only while it lives
    group = syscall(SYS_pidfd_send_signal, which.pidfd, 0, nullptr, 0) == 0 ? getpgid(which.pid) : 0;
  // Ahead of its setsid the group does not exist yet.
  if (scope == protocol::scope::group && group > 1 && group != own_group_ && kill(-group, number) == 0)
    return 0;
  return syscall(SYS_pidfd_send_signal, which.pidfd, number, nullptr, 0) == 0 ? 0 : errno;
}

} // namespace duende::keeper
