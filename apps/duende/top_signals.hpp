// Signals of `duende top`, as a descriptor.
#pragma once

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <initializer_list>

namespace duende::cli {

/// What stops or changes the program from outside, as a descriptor. Made before any thread, which then inherit the mask.
class signal_source {
public:
  signal_source() {
    sigemptyset(&set_);
    for (int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGWINCH, SIGCONT, SIGTSTP})
      sigaddset(&set_, number);
    pthread_sigmask(SIG_BLOCK, &set_, &before_);
    fd_ = signalfd(-1, &set_, SFD_CLOEXEC | SFD_NONBLOCK);
  }
  ~signal_source() {
    close(fd_);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  signal_source(const signal_source&) = delete;
  signal_source& operator=(const signal_source&) = delete;
  int fd() const { return fd_; }
  /// 0 where there is none.
  int take() const {
    signalfd_siginfo info{};
    return read(fd_, &info, sizeof info) == static_cast<ssize_t>(sizeof info) ? static_cast<int>(info.ssi_signo) : 0;
  }

private:
  sigset_t set_, before_;
  int fd_;
};

} // namespace duende::cli
