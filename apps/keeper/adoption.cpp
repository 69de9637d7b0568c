// What a killed keeper left behind: found by the ledger, proved by start time, never doubled.
#include "apps/keeper/keeper.hpp"

#include "backends/native/identity.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>

namespace duende::keeper {

using protocol::kind;
using protocol::refusal;

void keeper::find_orphans() {
  for (std::uint32_t index = 0; index < ledger::capacity; ++index) {
    auto& entry = ledger_[index];
    if (entry.pid == 0)
      continue;
    auto pidfd = static_cast<int>(syscall(SYS_pidfd_open, entry.pid, 0));
    // Proved after the pidfd is open, so that it names the very process.
    process_facts facts;
    bool ours = pidfd >= 0 && read_process(entry.pid, facts) && facts.start_time - entry.start_time <= entry.span
                && facts.state != 'Z' && facts.state != 'X';
    if (!ours || by_id_.count(entry.id) != 0) {
      if (pidfd >= 0)
        close(pidfd);
      entry.pid = 0;
      continue;
    }
    while (slots_.size() <= index) { // its slot is the one of its entry
      slots_.emplace_back();
      if (slots_.size() <= index)
        free_slots_.push_back(static_cast<std::uint32_t>(slots_.size() - 1));
    }
    slots_[index] = std::make_unique<slot>();
    auto& left = *slots_[index];
    left.id = entry.id;
    left.index = index;
    left.phase = phase::orphan;
    left.own_child = false;
    left.pid = entry.pid;
    left.pidfd = pidfd;
    left.start_time = entry.start_time = facts.start_time;
    entry.span = 0;
    left.exit.started = monotonic_of(entry.start_time);
    by_id_.emplace(left.id, index);
    by_pid_.emplace(left.pid, index);
    watch(pidfd, tag::slot_exit, index);
  }
  ledger_.trim();
}

/// The pipes of an earlier keeper live as long as the process; it opened them for both directions.
void keeper::reopen_channels(slot& which) {
  ino_t first = 0;
  auto reopen = [&](int number, int& fd, std::uint8_t bit) {
    char path[48];
    snprintf(path, sizeof path, "/proc/%d/fd/%d", static_cast<int>(which.pid), number);
    struct stat info {};
    if (stat(path, &info) != 0 || !S_ISFIFO(info.st_mode) || info.st_ino == first)
      return;
    first = info.st_ino;
    fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
      return;
    fcntl(fd, F_SETFL, 0);
    which.untold_mask |= bit;
  };
  reopen(1, which.out, protocol::channel_out);
  reopen(2, which.err, protocol::channel_err);
}

void keeper::on_adopt(const protocol::adopt_orphan& request) {
  auto* which = find(request.id);
  if (which == nullptr || which->phase != phase::orphan)
    return refuse(kind::adopt_orphan, refusal::unknown_id, request.id, request.incarnation);
  which->phase = phase::running;
  which->incarnation = request.incarnation;
  which->record.assign(request.record);
  which->cgroup.assign(request.cgroup);
  reopen_channels(*which);
  recover_sockets(*which, request.sockets);
  if (!request.notify_path.empty()) {
    which->notify = bind_notify(request.notify_path);
    if (which->notify >= 0)
      which->untold_mask |= protocol::channel_notify;
  }
  process_facts facts;
  if (read_process(which->pid, facts) && facts.state == 'T') {
    which->stopped = true;
    tell(*which, untold_run);
  }
  tell(*which, untold_channels | untold_spawned);
}

void keeper::on_end_orphan(const protocol::end_orphan& request) {
  auto* which = find(request.id);
  if (which == nullptr || which->phase != phase::orphan)
    return refuse(kind::end_orphan, refusal::unknown_id, request.id);
  if (int error = signal_child(*which, request.number, protocol::scope::group); error != 0 && error != ESRCH)
    refuse(kind::end_orphan, refusal::system, request.id, 0, error);
}

} // namespace duende::keeper
