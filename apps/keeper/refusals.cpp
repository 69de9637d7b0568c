// System calls that a daemon's filter refuses by death: the kernel asks us, we kill and remember the call. See confine_calls.cpp.
#include "apps/keeper/confine.hpp"
#include "apps/keeper/keeper.hpp"
#include "apps/keeper/peer.hpp"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace duende::keeper {
namespace {

struct signal_facts {
  pid_t process = 0;   ///< of the thread; 0: there is none
  bool deadly = false; ///< SIGSYS ends it: neither blocked nor ignored nor handled
};

/// From /proc/TID/status, proc(5).
signal_facts facts_of(pid_t thread) {
  signal_facts facts;
  char path[40], text[4096];
  snprintf(path, sizeof path, "/proc/%d/status", static_cast<int>(thread));
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return facts;
  auto size = read(fd, text, sizeof text - 1);
  close(fd);
  text[size > 0 ? size : 0] = '\0';
  auto number = [&](const char* key, int base) {
    auto* at = strstr(text, key);
    return at != nullptr ? strtoull(at + strlen(key), nullptr, base) : 0;
  };
  facts.process = static_cast<pid_t>(number("\nTgid:", 10));
  auto held = number("\nSigBlk:", 16) | number("\nSigIgn:", 16) | number("\nSigCgt:", 16);
  facts.deadly = (held >> (SIGSYS - 1) & 1) == 0;
  return facts;
}

} // namespace

/// The socket on which children send what the keeper is to hold; -1 where it can't be had, then it goes without.
int keeper::notices() {
  if (notices_[0] >= 0)
    return notices_[1];
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
    return -1;
  if (!watch(ends[0], tag::notices)) {
    close(ends[0]);
    close(ends[1]);
    return -1;
  }
  notices_[0] = ends[0];
  notices_[1] = ends[1];
  return notices_[1];
}

void keeper::on_notices() {
  char buffer[64];
  incoming next;
  while (receive_packet(notices_[0], buffer, sizeof buffer, next) == transfer::done) {
    child_notice notice;
    if (next.fd < 0)
      continue;
    bool fits = next.packet.size() == sizeof notice;
    if (fits)
      memcpy(&notice, next.packet.data(), sizeof notice);
    auto* which = fits && notice.index < slots_.size() ? slots_[notice.index].get() : nullptr;
    if (which == nullptr || which->pid != notice.pid || !which->has_process() || !hold(*which, notice.what, next.fd))
      close(next.fd); // of a filter: whoever has it gets ENOSYS for what it refuses
  }
}

bool keeper::hold(slot& which, child_notice::kind what, int fd) {
  if (what == child_notice::kind::network) {
    close_network(which);
    which.network = fd;
    return true;
  }
  if (which.listener >= 0 || !watch(fd, tag::refusal, which.index))
    return false;
  which.listener = fd;
  return true;
}

void keeper::close_network(slot& which) {
  if (which.network >= 0)
    close(which.network);
  which.network = -1;
}

void keeper::close_listener(slot& which) {
  if (which.listener < 0)
    return;
  unwatch(which.listener);
  close(which.listener);
  which.listener = -1;
}

/// Somebody with that daemon's filter made a call that is not allowed, and waits.
void keeper::on_refusal(slot& which, std::uint32_t events) {
  if ((events & EPOLLIN) == 0)
    return close_listener(which); // nobody has that filter any more
  seccomp_notif what;
  memset(&what, 0, sizeof what);
  if (ioctl(which.listener, SECCOMP_IOCTL_NOTIF_RECV, &what) != 0)
    return; // it has ended meanwhile
  auto facts = facts_of(static_cast<pid_t>(what.pid));
  // Still waiting, so the number is still its own.
  if (
    facts.process <= 0 || ioctl(which.listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &what.id) != 0
    || kill(facts.process, facts.deadly ? SIGSYS : SIGKILL) != 0) {
    seccomp_notif_resp answer;
    memset(&answer, 0, sizeof answer);
    answer.id = what.id;
    answer.error = -EPERM;
    ioctl(which.listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
    return;
  }
  if (facts.process != which.pid)
    return;
  which.exit.refused_call = what.data.nr;
  which.exit.call_arch = what.data.arch;
}

} // namespace duende::keeper
