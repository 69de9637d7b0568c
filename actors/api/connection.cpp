#include "actors/api/connection.hpp"

#include "actors/api/http.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <netdb.h>
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

connection::step connection::as_step(const tls_step& from) {
  switch (from.what) {
    case tls_step::state::moved: return {io_result::ok, from.bytes, 0};
    case tls_step::state::wants_read: return {io_result::ok, 0, POLLIN};
    case tls_step::state::wants_write: return {io_result::ok, 0, POLLOUT};
    case tls_step::state::closed: return {io_result::closed, 0, 0};
    case tls_step::state::failed: break;
  }
  return {io_result::failed, 0, 0};
}

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

connection::step connection::receive(char* to, std::size_t room) {
  if (tls_)
    return as_step(tls_->read(to, room));
  auto n = recv(fd_, to, room, MSG_DONTWAIT);
  if (n > 0)
    return {io_result::ok, static_cast<std::size_t>(n), 0};
  if (n == 0)
    return {io_result::closed, 0, 0};
  if (would_block(errno) || errno == EINTR)
    return {io_result::ok, 0, POLLIN};
  return {io_result::failed, 0, 0};
}

connection::step connection::transmit(std::string_view data) {
  if (tls_)
    return as_step(tls_->write(data.data(), data.size()));
  auto n = ::send(fd_, data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n > 0)
    return {io_result::ok, static_cast<std::size_t>(n), 0};
  if (n == 0 || would_block(errno) || errno == EINTR)
    return {io_result::ok, 0, POLLOUT};
  return {io_result::closed, 0, 0};
}

io_result connection::secure(const tls_identity& identity, instant deadline) {
  auto session = identity.accept(fd_);
  if (!session)
    return io_result::failed;
  while (true) {
    auto done = (*session)->handshake();
    if (done.what == tls_step::state::moved) {
      tls_ = std::move(*session);
      return io_result::ok;
    }
    if ((*session)->met_plain_http()) {
      constexpr std::string_view text = "this port speaks TLS: use https://\n";
      send(
        make_head(400, {{"Content-Type", "text/plain"}, {"Content-Length", std::to_string(text.size())}})
          + std::string{text},
        deadline);
      finish(std::min(deadline, monotonic_now() + std::chrono::seconds{1}));
    }
    auto next = as_step(done);
    if (next.ready == 0)
      return io_result::failed;
    if (auto waited = poll_until(next.ready, deadline); waited != io_result::ok)
      return waited;
    if (monotonic_now() >= deadline)
      return io_result::timed_out;
  }
}

std::string connection::peer() const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  char host[NI_MAXHOST];
  if (
    getpeername(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0
    || (address.ss_family != AF_INET && address.ss_family != AF_INET6)
    || getnameinfo(reinterpret_cast<sockaddr*>(&address), size, host, sizeof host, nullptr, 0, NI_NUMERICHOST) != 0)
    return {};
  return std::string{host}.substr(0, std::string_view{host}.find('%'));
}

io_result connection::fill(std::string& buffer, instant deadline) {
  std::array<char, 16 * 1024> bytes;
  // What TLS has taken from the socket already, no poll tells of.
  for (short ready = tls_ ? 0 : POLLIN;;) {
    if (ready != 0)
      if (auto waited = poll_until(ready, deadline); waited != io_result::ok)
        return waited;
    auto got = receive(bytes.data(), bytes.size());
    if (got.bytes > 0) {
      buffer.append(bytes.data(), got.bytes);
      return io_result::ok;
    }
    if (got.result != io_result::ok)
      return got.result;
    if (monotonic_now() >= deadline)
      return io_result::timed_out;
    ready = got.ready;
  }
}

io_result connection::send(std::string_view data, instant deadline) {
  while (!data.empty()) {
    auto went = transmit(data);
    data.remove_prefix(went.bytes);
    if (went.result != io_result::ok)
      return went.result;
    if (went.ready != 0)
      if (auto waited = poll_until(went.ready, deadline); waited != io_result::ok)
        return waited;
    if (went.ready != 0 && monotonic_now() >= deadline)
      return io_result::timed_out;
  }
  return io_result::ok;
}

io_result connection::send_some(std::string_view& data) {
  while (!data.empty()) {
    auto went = transmit(data);
    data.remove_prefix(went.bytes);
    if (went.result != io_result::ok)
      return went.result;
    if (went.ready != 0)
      return io_result::timed_out;
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
    if ((fds[0].revents & POLLIN) != 0 && !ignore_input()) // nothing more is expected of this peer
      return io_result::closed;
    if (fds[2].revents != 0)
      return io_result::ok;
  }
}

bool connection::ignore_input() {
  std::array<char, 4096> bytes;
  auto got = receive(bytes.data(), bytes.size());
  ignored_bytes_ += got.bytes;
  return got.result == io_result::ok && ignored_bytes_ <= max_ignored_bytes;
}

void connection::part() {
  if (tls_)
    tls_->close();
  shutdown(fd_, SHUT_WR);
}

void connection::finish(instant deadline) {
  part();
  tls_.reset(); // what still comes is thrown away, whatever it means
  std::string bytes;
  for (std::size_t total = 0; total < max_drained_bytes; total += bytes.size()) {
    bytes.clear();
    if (fill(bytes, deadline) != io_result::ok)
      return;
  }
}

} // namespace duende::api
