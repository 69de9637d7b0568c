#include "core/errc.hpp"
#include "monitors/probes/attempt.hpp"
#include "monitors/probes/endpoint.hpp"
#include "monitors/probes/resolve.hpp"

#include <cerrno>
#include <cstring>
#include <sys/epoll.h>
#include <system_error>

namespace duende {

namespace {

std::string words(int error) { return std::generic_category().message(error); }

/// On loopback, a connection to a free port of the ephemeral range can meet itself (RFC 9293, simultaneous open).
bool is_self_connected(int fd) {
  sockaddr_storage own{};
  sockaddr_storage peer{};
  socklen_t own_size = sizeof own;
  socklen_t peer_size = sizeof peer;
  return ::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &own_size) == 0
         && ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &peer_size) == 0 && own.ss_family != AF_UNIX
         && own_size == peer_size && std::memcmp(&own, &peer, own_size) == 0;
}

class tcp_attempt : public attempt {
public:
  tcp_attempt(reactor& on, std::string address, duration timeout, probe_callback done)
    : attempt(on, timeout, std::move(done)), address_(std::move(address)) {}
  ~tcp_attempt() override { release(); }

protected:
  void begin() override {
    auto target = parse_endpoint(address_);
    if (!target) {
      fail_with(sentence(target.error()), true);
    } else if (!target->path.empty()) {
      connect_to_any({{unix_address(target->path)}, {}});
    } else if (auto numeric = numeric_address(target->host, target->port)) {
      connect_to_any({{*numeric}, {}});
    } else {
      lookup_ = relay<resolved>(this, &tcp_attempt::connect_to_any);
      resolve(target->host, target->port, lookup_);
    }
  }

  void release() final {
    if (lookup_) {
      lookup_->cancel();
      lookup_.reset();
    }
    sockets_.clear();
  }

  std::string what() const override { return "connect to " + address_; }

private:
  void connect_to_any(resolved found) {
    if (!found.error.empty()) {
      fail_with(found.error);
      return;
    }
    for (auto& address : found.addresses) {
      if (connect_to(address)) {
        succeed("connected to " + address_);
        return;
      }
    }
    fail_if_none_left();
  }

  /// True where it is connected at once, as on unix sockets.
  bool connect_to(const socket_address& address) {
    watched_fd socket(on(), ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (socket.get() < 0) {
      last_error_ = errno;
      return false;
    }
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) == 0) {
      return !refuse_self(socket.get());
    }
    if (errno != EINPROGRESS || !watch(socket.get(), EPOLLOUT, this, &tcp_attempt::connected)) {
      last_error_ = errno;
      return false;
    }
    sockets_.push_back(std::move(socket));
    return false;
  }

  void connected(int fd, std::uint32_t) {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
      error = errno;
    }
    if (error == 0 && !refuse_self(fd)) {
      succeed("connected to " + address_);
      return;
    }
    last_error_ = error != 0 ? error : last_error_;
    std::erase_if(sockets_, [fd](const watched_fd& socket) { return socket.get() == fd; });
    fail_if_none_left();
  }

  bool refuse_self(int fd) {
    if (!is_self_connected(fd)) {
      return false;
    }
    last_error_ = ECONNREFUSED;
    return true;
  }

  void fail_if_none_left() {
    if (sockets_.empty()) {
      fail_with(words(last_error_));
    }
  }

  std::string address_;
  std::shared_ptr<one_shot<resolved>> lookup_;
  std::vector<watched_fd> sockets_;
  int last_error_ = EADDRNOTAVAIL;
};

} // namespace

probe_ptr start_tcp_probe(reactor& on, std::string address, duration timeout, probe_callback done) {
  return attempt::start(std::make_shared<tcp_attempt>(on, std::move(address), timeout, std::move(done)));
}

} // namespace duende
