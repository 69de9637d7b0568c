// One accepted socket: every read and write has a deadline, and a stopping server wakes whoever waits.
#pragma once

#include "core/time.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace duende::api {

enum class io_result { ok, closed, timed_out, stopped, failed };

/// Owned by one thread. `stop_fd` becomes readable, for good, when the server stops.
class connection {
public:
  connection(int fd, int stop_fd) : fd_(fd), stop_fd_(stop_fd) {}
  ~connection();
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  /// Appends what arrives to `buffer`; waits for it until `deadline`.
  io_result fill(std::string& buffer, instant deadline);
  /// Writes all of `data` before `deadline`.
  io_result send(std::string_view data, instant deadline);
  /// Sleeps until `wake_fd` is readable (ok), the peer goes away (closed), or the server stops. No time limit: nothing wakes up meanwhile.
  io_result wait_for(int wake_fd);
  /// Ends our side and takes what the peer still sends, so that the kernel does not reset the connection under an unread
  /// response. Bounded by `deadline` and 8 MiB.
  void finish(instant deadline);

private:
  io_result poll_until(short events, instant deadline);

  int fd_;
  int stop_fd_;
  std::size_t ignored_bytes_ = 0;
};

} // namespace duende::api
