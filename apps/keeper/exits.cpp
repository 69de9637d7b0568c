// Ends of processes: ours by pidfd, strangers' (orphans that became ours as subreaper) by SIGCHLD.
#include "apps/keeper/keeper.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

namespace duende::keeper {
namespace {

// SIGCHLDs that come together are one. A full look finds the rest, but costs with the number of children: not more often than this.
constexpr nanoseconds reap_pause = 100 * milliseconds;
constexpr int reap_batch = 256;

std::uint64_t in_nanoseconds(const timeval& value) {
  return static_cast<std::uint64_t>(value.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(value.tv_usec) * 1000u;
}

/// waitid(2) as the kernel has it: with resource usage. Returns the pid, 0 for none, -1 with errno.
pid_t wait_process(int id_type, int id, int options, siginfo_t& info, rusage* usage) {
  info.si_pid = 0;
  return syscall(SYS_waitid, id_type, id, &info, options, usage) < 0 ? -1 : info.si_pid;
}

int wait_status(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED)
    return (info.si_status & 0xff) << 8;
  return info.si_status | (info.si_code == CLD_DUMPED ? 0x80 : 0);
}

} // namespace

void keeper::on_exit(slot& which) {
  pollfd end{which.pidfd, POLLIN, 0};
  if (poll(&end, 1, 0) == 0)
    return; // an event of an earlier use of this slot: the process that has it now lives
  if (which.flight != nullptr && which.flight->staged)
    clear_staged(*which.flight); // else the read below would wait for ourselves
  if (which.status >= 0)
    on_status(which, word::unknown); // tells a failed exec from a process that was
  end_process(which);
}

/// Kills what is left of its group, reaps it and tells.
void keeper::end_process(slot& which) {
  siginfo_t info{};
  rusage usage{};
  pid_t reaped = -1;
  // After MAINPID= or an adoption it may be another's child; only a zombie of ours is one we can wait for.
  if (which.own_child || wait_process(P_PIDFD, which.pidfd, WEXITED | WNOHANG | WNOWAIT, info, nullptr) > 0) {
    // The zombie pins the group's number: nobody else can have it before the wait below.
    // Ours leads a session and so can't have left its group.
    auto group = which.own_child ? which.pid : getpgid(which.pid);
    if (group > 1 && group != own_group_)
      kill(-group, SIGKILL);
    kill_cgroup(which);
    int flags = WEXITED | __WALL | (which.phase == phase::failing ? 0 : WNOHANG);
    reaped = wait_process(P_PIDFD, which.pidfd, flags, info, &usage);
    if (reaped == 0)
      return; // an event of an earlier use of this slot
  }
  land(which);
  executed(which);
  close_listener(which);
  unwatch(which.pidfd);
  close(which.pidfd);
  which.pidfd = -1;
  if (which.status >= 0) {
    unwatch(which.status);
    close(which.status);
    which.status = -1;
  }
  if (auto at = by_pid_.find(which.pid); at != by_pid_.end() && at->second == which.index)
    by_pid_.erase(at);
  __atomic_store_n(&ledger_[which.index].pid, 0, __ATOMIC_RELEASE);
  if (which.phase == phase::failing) {
    which.pid = 0;
    return fail(which, which.failed_step, which.failed_error, std::string{which.failed_subject});
  }
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  auto& end = which.exit;
  end.status = reaped > 0 ? wait_status(info) : protocol::unknown_status;
  end.user = in_nanoseconds(usage.ru_utime);
  end.system = in_nanoseconds(usage.ru_stime);
  end.max_rss_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  end.ended = monotonic();
  end.ended_wall_ms =
    static_cast<std::uint64_t>(now.tv_sec) * 1000 + static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
  which.phase = phase::ended;
  which.stopped = false;
  which.untold &= static_cast<std::uint8_t>(~untold_run);
  tell(which, untold_exit);
}

void keeper::on_child_signal(pid_t pid, int code) {
  if (reap_at_ == never)
    reap_at_ = monotonic() + reap_pause;
  auto known = by_pid_.find(pid);
  if (known == by_pid_.end()) {
    siginfo_t info{};
    if (pid != node_.pid)
      wait_process(P_PID, pid, WEXITED | WNOHANG | __WALL, info, nullptr);
  } else if (code == CLD_STOPPED || code == CLD_CONTINUED) {
    note_run_change(*slots_[known->second]);
  }
}

void keeper::note_run_change(slot& which) {
  siginfo_t info{};
  // Both may be pending, in an order the kernel does not keep; the state after the last one counts.
  while (wait_process(P_PID, which.pid, WSTOPPED | WCONTINUED | WNOHANG, info, nullptr) > 0) {
    bool stopped = info.si_code == CLD_STOPPED;
    if (stopped == which.stopped)
      continue;
    which.stopped = stopped;
    tell(which, untold_run);
  }
}

/// Looks at every waitable child once: strangers are reaped, changes of ours noted.
void keeper::reap_strangers() {
  siginfo_t info{};
  for (int i = 0; i < reap_batch; ++i) {
    auto pid = wait_process(P_ALL, 0, WEXITED | WSTOPPED | WCONTINUED | WNOHANG | WNOWAIT | __WALL, info, nullptr);
    if (pid <= 0)
      return;
    auto known = by_pid_.find(pid);
    bool ended = info.si_code == CLD_EXITED || info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED;
    if (pid == node_.pid) {
      if (ended)
        on_node_exit();
      else
        wait_process(P_PID, pid, WSTOPPED | WCONTINUED | WNOHANG, info, nullptr);
    } else if (known == by_pid_.end()) {
      wait_process(P_PID, pid, WEXITED | WSTOPPED | WCONTINUED | WNOHANG | __WALL, info, nullptr);
    } else if (ended) {
      on_exit(*slots_[known->second]);
    } else {
      note_run_change(*slots_[known->second]);
    }
  }
  reap_at_ = monotonic(); // more are waiting: after a round of the loop
}

} // namespace duende::keeper
