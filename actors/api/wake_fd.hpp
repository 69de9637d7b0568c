// An eventfd: lets one thread wake another that sleeps in poll.
#pragma once

#include <cstdint>

#include <sys/eventfd.h>
#include <unistd.h>

namespace duende::api {

/// Thread-safe. `fd` is -1 where the process has no descriptor left.
class wake_fd {
public:
  wake_fd() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~wake_fd() {
    if (fd_ >= 0)
      close(fd_);
  }
  wake_fd(const wake_fd&) = delete;
  wake_fd& operator=(const wake_fd&) = delete;

  int fd() const { return fd_; }
  void raise() {
    std::uint64_t one = 1;
    [[maybe_unused]] auto n = write(fd_, &one, sizeof one);
  }
  void lower() {
    std::uint64_t count = 0;
    [[maybe_unused]] auto n = read(fd_, &count, sizeof count);
  }

private:
  int fd_;
};

} // namespace duende::api
