// A descriptor that is closed when its holder goes.
#pragma once

#include <unistd.h>

#include <utility>

namespace duende {

class open_file {
public:
  open_file() = default;
  explicit open_file(int fd) : fd_(fd) {}
  open_file(open_file&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  open_file& operator=(open_file&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~open_file() { reset(); }

  explicit operator bool() const { return fd_ >= 0; }
  int fd() const { return fd_; } ///< -1 for none
  void reset() {
    if (fd_ >= 0)
      ::close(std::exchange(fd_, -1));
  }

private:
  int fd_ = -1;
};

} // namespace duende
