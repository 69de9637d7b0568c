// Server-sent events as text, for the tests of who follows them.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace duende::test {

/// The id of the last whole event in `text`, where their ids go on one by one after `last`; -1 where one is missing or comes
/// twice. An event that is cut off in the middle does not count; a lone id, by which the node says where a follower stands, neither.
inline std::int64_t last_in_order(std::string_view text, std::int64_t last) {
  constexpr std::string_view id = "id: ", data = "data: ";
  for (std::size_t at = 0; (at = text.find(id, at)) != std::string_view::npos;) {
    at += id.size();
    std::int64_t number = 0;
    auto rest = std::from_chars(text.data() + at, text.data() + text.size(), number).ptr;
    auto behind = text.substr(static_cast<std::size_t>(rest - text.data()));
    if (!behind.starts_with('\n') || !behind.substr(1).starts_with(data))
      continue;
    if (behind.find("\n\n") == std::string_view::npos)
      break;
    if (number != last + 1)
      return -1;
    last = number;
  }
  return last;
}

} // namespace duende::test
