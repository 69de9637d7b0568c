#include "actors/api/connection.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace duende::api {
namespace {

constexpr std::size_t max_ignored_bytes = 64 * 1024;
constexpr std::size_t max_drained_bytes = 8 * 1024 * 1024;

int milliseconds_until(instant deadline) {
  auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - monotonic_now()).count();
  return static_cast<int>(std::clamp<long long>(left, 0, 3'600'000));
}

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

} // namespace

connection::~connection() { close(fd_); }

io_result connection::poll_until(short events, instant deadline) {
  while (true) {
    std::array<pollfd, 2> fds = {{{fd_, events, 0}, {stop_fd_, POLLIN, 0}}};
    int ready = poll(fds.data(), fds.size(), milliseconds_until(deadline));
    if (ready < 0 && errno != EINTR)
      return io_result::failed;
    if (ready > 0)
      return fds[1].revents != 0 ? io_result::stopped : io_result::ok;
    if (ready == 0 && monotonic_now() >= deadline)
      return io_result::timed_out;
  }
}

io_result connection::fill(std::string& buffer, instant deadline) {
  std::array<char, 16 * 1024> bytes;
  while (true) {
    if (auto waited = poll_until(POLLIN, deadline); waited != io_result::ok)
      return waited;
    auto n = recv(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (n > 0) {
      buffer.append(bytes.data(), static_cast<std::size_t>(n));
      return io_result::ok;
    }
    if (n == 0)
      return io_result::closed;
    if (!would_block(errno) && errno != EINTR)
      return io_result::failed;
  }
}

io_result connection::send(std::string_view data, instant deadline) {
  while (!data.empty()) {
    auto n = ::send(fd_, data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0) {
      data.remove_prefix(static_cast<std::size_t>(n));
      continue;
    }
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && !would_block(errno))
      return io_result::closed;
    if (auto waited = poll_until(POLLOUT, deadline); waited != io_result::ok)
      return waited;
  }
  return io_result::ok;
}

io_result connection::wait_for(int wake_fd) {
  while (true) {
    std::array<pollfd, 3> fds = {{{fd_, POLLIN | POLLRDHUP, 0}, {stop_fd_, POLLIN, 0}, {wake_fd, POLLIN, 0}}};
    if (poll(fds.data(), fds.size(), -1) < 0) {
      if (errno == EINTR)
        continue;
      return io_result::failed;
    }
    if (fds[1].revents != 0)
      return io_result::stopped;
    if ((fds[0].revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0)
      return io_result::closed;
    if ((fds[0].revents & POLLIN) != 0) { // nothing more is expected of this peer
      std::array<char, 4096> bytes;
      auto n = recv(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT);
      ignored_bytes_ += n > 0 ? static_cast<std::size_t>(n) : 0;
      if (n == 0 || ignored_bytes_ > max_ignored_bytes)
        return io_result::closed;
    }
    if (fds[2].revents != 0)
      return io_result::ok;
  }
}

void connection::finish(instant deadline) {
  shutdown(fd_, SHUT_WR);
  std::string bytes;
  for (std::size_t total = 0; total < max_drained_bytes; total += bytes.size()) {
    bytes.clear();
    if (fill(bytes, deadline) != io_result::ok)
      return;
  }
}

} // namespace duende::api
