// Servers that behave and misbehave, for the tests of probes.
#pragma once

#include "monitors/probes/probe.hpp"
#include "tests/support/catch.hpp"

#include <arpa/inet.h>
#include <array>
#include <atomic>
#include <fcntl.h>
#include <functional>
#include <future>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace duende::test {

using namespace std::chrono_literals;

/// What a probe told, once.
struct outcome {
  std::promise<probe_result> promise;
  std::future<probe_result> future = promise.get_future();
  std::atomic<int> calls{0};
  probe_callback callback() {
    return [this](probe_result result) {
      if (++calls == 1) {
        promise.set_value(std::move(result));
      }
    };
  }
  probe_result get() {
    REQUIRE(future.wait_for(20s) == std::future_status::ready);
    return future.get();
  }
  bool pending() const { return future.wait_for(0s) != std::future_status::ready; }
};

/// Waits until everything posted so far has run.
inline void settle(reactor& r) {
  std::promise<void> done;
  r.post([&] { done.set_value(); });
  done.get_future().wait();
}

/// A listening socket on a free port of 127.0.0.1. It accepts nobody by itself.
struct listening {
  int fd = -1;
  std::uint16_t port = 0;
  explicit listening(int backlog = 128) {
    fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(fd >= 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(fd, backlog) == 0);
    socklen_t size = sizeof address;
    REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port = ntohs(address.sin_port);
  }
  ~listening() { close(); }
  listening(const listening&) = delete;
  listening& operator=(const listening&) = delete;
  void close() {
    if (fd >= 0) {
      ::shutdown(fd, SHUT_RDWR); // wakes an accept
      ::close(fd);
      fd = -1;
    }
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port); }
};

/// Answers each request with a fixed text; closes the connection where the text is given, keeps it open in silence where not.
class tiny_server {
public:
  explicit tiny_server(std::optional<std::string> answer) : answer_(std::move(answer)) {
    thread_ = std::thread([this] { serve(); });
  }
  ~tiny_server() {
    ::shutdown(socket_.fd, SHUT_RDWR);
    thread_.join();
    for (int fd : held_) {
      ::close(fd);
    }
  }
  std::string url(std::string_view path = "/") const { return "http://" + socket_.address() + std::string(path); }
  std::uint16_t port() const { return socket_.port; }
  int requests() const { return requests_; }
  std::string last_request() const { return last_request_; } ///< after an outcome

private:
  void serve() {
    for (;;) {
      int fd = ::accept4(socket_.fd, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) {
        return;
      }
      if (!answer_) {
        held_.push_back(fd);
        ++requests_;
        continue;
      }
      std::array<char, 4096> buffer{};
      auto n = ::recv(fd, buffer.data(), buffer.size(), 0);
      last_request_.assign(buffer.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
      ++requests_;
      ::send(fd, answer_->data(), answer_->size(), MSG_NOSIGNAL);
      ::shutdown(fd, SHUT_WR);
      while (::recv(fd, buffer.data(), buffer.size(), 0) > 0) {
      }
      ::close(fd);
    }
  }

  std::optional<std::string> answer_;
  listening socket_;
  std::atomic<int> requests_{0};
  std::string last_request_;
  std::vector<int> held_;
  std::thread thread_;
};

/// As many descriptors as the machine lets us have.
inline void raise_descriptor_limit() {
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = limit.rlim_max;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

inline std::size_t open_descriptors() {
  std::size_t count = 0;
  for (int fd = 0; fd < 20'000; ++fd) {
    count += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
  }
  return count;
}

} // namespace duende::test
