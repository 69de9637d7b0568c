// One accepted socket: every read and write has a deadline, and a stopping server wakes whoever waits.
#pragma once

#include "actors/api/tls.hpp"
#include "core/time.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace duende::api {

enum class io_result { ok, closed, timed_out, stopped, failed };

/// Owned by one thread at a time. `stop_fd` becomes readable, for good, when the server stops.
class connection {
public:
  /// `place` is let go after the socket is closed.
  connection(int fd, int stop_fd, std::shared_ptr<void> place = nullptr)
    : place_(std::move(place)), fd_(fd), stop_fd_(stop_fd) {}
  ~connection();
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  /// Speaks TLS from now on, once the handshake is done before `deadline`. A peer that speaks plain HTTP is told so.
  io_result secure(const tls_identity& identity, instant deadline);
  /// The numeric address of a peer on TCP; empty for a unix socket.
  std::string peer() const;

  /// Appends what arrives to `buffer`; waits for it until `deadline`.
  io_result fill(std::string& buffer, instant deadline);
  /// Writes all of `data` before `deadline`.
  io_result send(std::string_view data, instant deadline);
  /// Writes what goes without waiting and takes it off `data`: ok where all of it went, timed_out where the peer has to read first.
  io_result send_some(std::string_view& data);
  /// Sleeps until `wake_fd` is readable (ok), the peer goes away (closed), or the server stops. No time limit: nothing wakes up meanwhile.
  io_result wait_for(int wake_fd);
  /// Throws away what came; false where the peer has gone or says more than a listener should.
  bool ignore_input();
  /// Ends our side and takes what the peer still sends, so that the kernel does not reset the connection under an unread
  /// response. Bounded by `deadline` and 8 MiB.
  void finish(instant deadline);
  /// Ends our side at once.
  void part();

  /// For epoll, by who drives the connection without blocking.
  int fd() const { return fd_; }

private:
  /// `ready` where the attempt has to be repeated once the socket is readable or writable, as poll has it; else 0.
  struct step {
    io_result result = io_result::ok;
    std::size_t bytes = 0;
    short ready = 0;
  };
  static step as_step(const tls_step& from);
  step receive(char* to, std::size_t room);
  step transmit(std::string_view data);
  io_result poll_until(short events, instant deadline);

  std::shared_ptr<void> place_;
  int fd_;
  int stop_fd_;
  std::size_t ignored_bytes_ = 0;
  std::unique_ptr<tls_session> tls_;
};

} // namespace duende::api
