// The lines of a daemon's two streams in the order in which they were captured.
#pragma once

#include "actors/api/log_reader.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace duende::api {

/// A line as it lies in the file, taken apart.
struct log_line {
  log_stream stream = log_stream::out;
  std::string_view at;   ///< RFC 3339, or empty where the file carries no time stamps
  std::string_view text; ///< without stamp and newline
  std::string_view raw;  ///< with the stamp, without the newline
};

log_line split_line(std::string_view raw, log_stream stream, bool timestamps);

/// Copies go on independently from the same place. Without time stamps stdout comes before stderr.
class log_merge {
public:
  /// `as_it_is`: ends with a line that has no newline yet, where there is one; for who reads on no more.
  log_merge(const std::string& dir, bool timestamps, bool as_it_is = false);
  void seek_tail(std::size_t lines);
  /// The next line, or none at the present end. Valid until the next call.
  std::optional<log_line> next();
  /// Where the readers are; ahead of `next` until it has returned none.
  const log_reader& reader(log_stream stream) const { return sides_[static_cast<std::size_t>(stream)].reader; }

private:
  struct side {
    log_reader reader;
    std::string buffer;
    std::size_t begin = 0;
    std::string_view line(bool as_it_is); ///< with its newline; empty at the end
  };
  std::array<side, 2> sides_;
  bool timestamps_, as_it_is_;
};

} // namespace duende::api
