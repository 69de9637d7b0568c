#include "monitors/probes/attempt.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/epoll.h>
#include <system_error>
#include <unistd.h>

namespace duende {

namespace {

/// Bytes looked at in one turn.
constexpr std::size_t window = 4096;
using buffer = std::array<char, window>;

/// Shows what a pipe holds without taking it out.
class peephole {
public:
  peephole() {
    if (::pipe2(ends_.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
      ends_ = {-1, -1};
    }
  }
  ~peephole() {
    for (int end : ends_) {
      if (end >= 0) {
        ::close(end);
      }
    }
  }
  peephole(const peephole&) = delete;
  peephole& operator=(const peephole&) = delete;

  /// As read(2), which it falls back to where `fd` is not a pipe.
  ssize_t look(int fd, buffer& into, bool& taken) {
    auto n = ends_[0] < 0 ? -1 : ::tee(fd, ends_[1], into.size(), SPLICE_F_NONBLOCK);
    taken = ends_[0] < 0 || (n < 0 && errno == EINVAL);
    if (taken) {
      return ::read(fd, into.data(), into.size());
    }
    return n > 0 ? ::read(ends_[0], into.data(), static_cast<std::size_t>(n)) : n;
  }

private:
  std::array<int, 2> ends_{-1, -1};
};

class fd_attempt : public attempt {
public:
  fd_attempt(reactor& on, int fd, probe_callback done) : attempt(on, std::nullopt, std::move(done)), fd_(on, fd) {}

protected:
  void begin() override {
    if (!watch(fd_.get(), EPOLLIN, this, &fd_attempt::readable)) {
      fail_with(std::generic_category().message(errno), true);
    }
  }

  void release() override { fd_ = watched_fd(on(), -1); }

  void delivered() override {
    if (left_on_pipe_ > 0) {
      take_out();
    }
  }

  std::string what() const override { return "readiness descriptor"; }

private:
  void readable(int fd, std::uint32_t) {
    buffer bytes;
    bool taken = false;
    auto n = peephole().look(fd, bytes, taken);
    if (n < 0) {
      if (errno != EAGAIN && errno != EINTR) {
        fail_with(std::generic_category().message(errno), true);
      }
      return;
    }
    if (n == 0) {
      fail_with("closed without a newline", true);
      return;
    }
    std::string_view text(bytes.data(), static_cast<std::size_t>(n));
    left_on_pipe_ = taken ? 0 : text.size();
    if (text.find('\n') != std::string_view::npos) {
      succeed("wrote a newline to its readiness descriptor");
    } else if (left_on_pipe_ > 0) {
      take_out();
    }
  }

  void take_out() {
    buffer bytes;
    [[maybe_unused]] auto n = ::read(fd_.get(), bytes.data(), std::exchange(left_on_pipe_, 0));
  }

  watched_fd fd_;
  std::size_t left_on_pipe_ = 0;
};

} // namespace

probe_ptr start_fd_probe(reactor& on, int fd, probe_callback done) {
  return attempt::start(std::make_shared<fd_attempt>(on, fd, std::move(done)));
}

} // namespace duende
