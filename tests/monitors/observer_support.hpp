// Processes to look at.
#pragma once

#include "tests/support/catch.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <functional>
#include <string>

namespace duende::test {

/// A child that prepares itself, says so, and waits until it is let go.
class watched_child {
public:
  explicit watched_child(const std::function<void()>& prepare = [] {}) {
    REQUIRE(pipe2(ready_, O_CLOEXEC) == 0);
    REQUIRE(pipe2(end_, O_CLOEXEC) == 0);
    pid_ = fork();
    if (pid_ == 0) {
      close(end_[1]);
      prepare();
      char c = 'r';
      if (write(ready_[1], &c, 1) == 1)
        while (read(end_[0], &c, 1) < 0) {
        }
      _exit(0);
    }
    close(ready_[1]);
    close(end_[0]);
    char c;
    REQUIRE(read(ready_[0], &c, 1) == 1);
  }
  ~watched_child() {
    rusage_of_end();
    close(ready_[0]);
  }
  watched_child(const watched_child&) = delete;
  watched_child& operator=(const watched_child&) = delete;

  pid_t pid() const { return pid_; }
  /// Lets it go; the kernel's last word on what it used.
  rusage rusage_of_end() {
    if (pid_ > 0) {
      close(end_[1]);
      wait4(pid_, nullptr, 0, &usage_);
      pid_ = 0;
    }
    return usage_;
  }

private:
  int ready_[2], end_[2];
  pid_t pid_;
  rusage usage_{};
};

/// The number behind `key` in /proc/PID/`file`.
inline std::uint64_t kernel_figure(pid_t pid, const std::string& name, const std::string& key) {
  std::ifstream file{"/proc/" + std::to_string(pid) + "/" + name};
  std::uint64_t value = 0;
  for (std::string word; file >> word;)
    if (word == key) {
      file >> value;
      break;
    }
  return value;
}

inline std::chrono::nanoseconds as_duration(const timeval& t) {
  return std::chrono::seconds{t.tv_sec} + std::chrono::microseconds{t.tv_usec};
}

/// Keeps a core busy until so much user time is used.
inline void burn(std::chrono::nanoseconds user) {
  rusage now{};
  volatile std::uint64_t x = 0;
  do {
    for (int i = 0; i < 100000; ++i)
      x = x + 1;
    getrusage(RUSAGE_SELF, &now);
  } while (as_duration(now.ru_utime) < user);
}

} // namespace duende::test
