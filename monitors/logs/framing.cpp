#include "monitors/logs/framing.hpp"

#include <algorithm>
#include <cstring>

namespace duende::logs {

framed frame_lines(
  std::string_view input, std::string_view stamp, const file_view& file, std::size_t capacity, std::string& output) {
  auto unlimited = file.max_bytes == 0;
  auto start = output.size();
  auto line_start = file.at_line_start;
  std::size_t pos = 0;
  while (pos < input.size()) {
    auto* found = static_cast<const char*>(std::memchr(input.data() + pos, '\n', input.size() - pos));
    auto length = found ? static_cast<std::size_t>(found - input.data()) + 1 - pos : input.size() - pos;
    auto lead = line_start ? stamp.size() : 0;
    if (output.size() + lead + length > capacity)
      break;
    auto size = file.size + (output.size() - start);
    auto ends_line = found != nullptr;
    if (!unlimited && size + lead + length > file.max_bytes) {
      if (line_start && size > 0)
        return {pos, true};
      auto limit = file.max_bytes + overrun_limit;
      if (size + lead + length > limit) {
        length = limit > size + lead ? static_cast<std::size_t>(limit - size - lead) : 0;
        ends_line = false;
        if (length == 0)
          return {pos, true};
      }
    }
    if (line_start)
      output.append(stamp);
    output.append(input, pos, length);
    pos += length;
    line_start = ends_line;
  }
  return {pos, false};
}

} // namespace duende::logs
