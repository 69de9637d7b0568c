// Decides how bytes from a pipe become lines of a file, and where the file ends. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace duende::logs {

/// A line may overrun the file it began in by this much before it is cut.
inline constexpr std::uint64_t overrun_limit = 1 << 20;

/// The file as it is now.
struct file_view {
  std::uint64_t size = 0;
  std::uint64_t max_bytes = 0; ///< 0: no limit
  bool at_line_start = true;
};

struct framed {
  std::size_t used = 0; ///< bytes of `input` that are in `output`
  bool full = false;    ///< the next byte belongs to a new file
};

/// Appends lines of `input` to `output`, each led by `stamp` at its start, as long as they fit into the file and `output` stays
/// within `capacity`. A partial line at the end is taken as it is; its rest goes on without a stamp.
/// Nothing used and not full can't happen for a non-empty input where capacity > input + stamp.
framed frame_lines(
  std::string_view input, std::string_view stamp, const file_view& file, std::size_t capacity, std::string& output);

} // namespace duende::logs
