// Reads what the capture wrote: the last lines, and what comes, across rotations. Never writes.
#pragma once

#include "core/state.hpp"
#include "core/time.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace duende {

struct log_line {
  log_stream stream = log_stream::out;
  std::string text; ///< without time stamp and newline; may hold any byte
  std::optional<wall_time> at;
};

/// One daemon's logs. For one thread, but for `cancel`. Memory is bounded: a line longer than 1 MiB comes in pieces of that
/// size, and `tail` gives the last 64 MiB at the most.
class log_reader {
public:
  /// `dir` need not exist yet. `timestamps` and `merged` as in the daemon's log_spec; lines without a readable stamp come whole.
  log_reader(std::string dir, bool timestamps, bool merged);
  ~log_reader();
  log_reader(log_reader&&) noexcept;

  /// The last `count` lines (0: all) not older than `since`, of both streams, by time; stdout before stderr where there are no
  /// time stamps. `next` goes on from here. A line without its end yet is left to `next`.
  std::vector<log_line> tail(std::size_t count, std::optional<wall_time> since = std::nullopt);

  /// Goes on at the end of what is there now, like a `tail` whose lines nobody wants.
  void skip_to_end();

  /// Appends the lines that came since the last call, about 1 MiB of text at the most, waiting up to `timeout` for the first.
  /// Without an earlier `tail` it begins with the oldest line there is. False once cancelled; true with no line on time-out.
  /// A rotation loses nothing as long as the files it moves on are not deleted before they are read.
  bool next(std::vector<log_line>& lines, duration timeout);

  /// Becomes readable when there may be something for `next`; stays the reader's.
  int wait_fd() const;

  /// Ends a waiting `next` and every later one. Thread-safe.
  void cancel();

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace duende
