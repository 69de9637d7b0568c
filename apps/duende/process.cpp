#include "apps/duende/process.hpp"

#include <algorithm>
#include <cerrno>

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace duende::cli {

process_handle::process_handle(pid_t pid) : fd_(pid > 0 ? static_cast<int>(syscall(SYS_pidfd_open, pid, 0)) : -1) {}

process_handle::~process_handle() {
  if (fd_ >= 0)
    close(fd_);
}

bool process_handle::wait_until(instant deadline) const {
  if (fd_ < 0)
    return true;
  while (true) {
    int wait = -1;
    if (deadline != instant::max())
      wait = static_cast<int>(std::clamp<long long>(
        std::chrono::ceil<std::chrono::milliseconds>(deadline - monotonic_now()).count(), 0, 3'600'000));
    pollfd watched{fd_, POLLIN, 0};
    int ready = poll(&watched, 1, wait);
    if (ready > 0)
      return true;
    if (ready < 0 && errno != EINTR)
      return false;
    if (ready == 0 && monotonic_now() >= deadline)
      return false;
  }
}

} // namespace duende::cli
