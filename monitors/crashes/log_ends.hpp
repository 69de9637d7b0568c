// The last lines of a daemon before its end, read later than they were noted.
#pragma once

#include "core/state.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace duende {

struct crash_line {
  log_stream stream = log_stream::out;
  std::string at; ///< RFC 3339, or empty where the files carry no time stamps
  std::string text;
};

/// Where the streams of one daemon end now. Holds the files open, so that a rotation takes nothing away.
class log_ends {
public:
  log_ends() = default;
  /// Two opens and no read: for the thread that writes the logs.
  explicit log_ends(const std::string& dir);
  ~log_ends();
  log_ends(log_ends&& other) noexcept;
  log_ends& operator=(log_ends&& other) noexcept;

  /// At most so many lines and bytes of text, the newest ones, in the order in which they were captured (without time stamps
  /// stdout before stderr). A longer line is cut at its front.
  std::vector<crash_line> read(bool timestamps, std::size_t max_lines, std::size_t max_bytes) const;

private:
  struct end {
    int fd = -1;
    std::uint64_t size = 0;
    std::string rotated; ///< the file before this one
  };
  void close();

  end ends_[2];
};

} // namespace duende
