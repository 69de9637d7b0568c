// Another program for the node: tried, and given up for the present one where it does not become healthy.
#include "apps/keeper/keeper.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace duende::keeper {
namespace {

constexpr nanoseconds leave_grace = 10'000 * milliseconds; ///< for a node that has announced its exit
constexpr nanoseconds longest_patience = 600'000 * milliseconds;

} // namespace

/// The node's program on disk; -1 with errno.
int keeper::open_program() const {
  const char* path = settings_.node[0];
  if (strchr(path, '/') == nullptr) {
    errno = ENOENT; // found by PATH; whose file that is now is not ours to guess
    return -1;
  }
  struct stat info {};
  int fd = open(path, O_PATH | O_CLOEXEC);
  if (fd < 0)
    return -1;
  bool good = fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && access(path, X_OK) == 0;
  if (good)
    return fd;
  close(fd);
  errno = EACCES;
  return -1;
}

/// A node that crashes comes back as the program that it was, whoever has put another file there meanwhile.
void keeper::pin_program() {
  if (settings_.node[0] != nullptr)
    node_.program = open_program();
}

void keeper::on_upgrade(const protocol::upgrade& request) {
  auto no = [&](int error) { refuse(protocol::kind::upgrade, protocol::refusal::system, {}, 0, error); };
  if (node_.pid == 0 || node_.program < 0)
    return no(EOPNOTSUPP);
  if (ending_ != ending::no || node_.leaving || node_.trial >= 0)
    return no(EALREADY);
  node_.trial = open_program();
  if (node_.trial < 0)
    return no(errno);
  node_.leaving = true;
  node_.patience = std::min(request.patience_ms * milliseconds, longest_patience);
  node_.give_up_at = monotonic() + leave_grace;
  encode(out_, protocol::pong{});
  reply(out_);
}

void keeper::on_healthy() {
  if (node_.trial < 0 || node_.leaving)
    return;
  close(node_.program);
  node_.program = std::exchange(node_.trial, -1);
  node_.trial_until = never;
  node_.streak = 0;
}

/// Whether the node's end belongs to an upgrade: then the next one starts at once.
bool keeper::after_upgrade(const siginfo_t& end) {
  if (std::exchange(node_.leaving, false))
    return true;
  if (node_.trial < 0)
    return false;
  close(std::exchange(node_.trial, -1));
  if (node_.trial_until == never)
    node_.trial_failure = "it was not healthy in time";
  else if (end.si_code == CLD_EXITED)
    node_.trial_failure = "it exited with code " + std::to_string(end.si_status);
  else
    node_.trial_failure = "it was killed by signal " + std::to_string(end.si_status);
  node_.trial_until = never;
  return true;
}

} // namespace duende::keeper
