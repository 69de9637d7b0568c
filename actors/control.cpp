#include "actors/control.hpp"

#include <algorithm>
#include <array>

namespace duende {
namespace {

constexpr std::array<std::string_view, 6> words{"start", "stop", "restart", "pause", "resume", "reload"};

} // namespace

std::string_view to_string(verb what) { return words[static_cast<std::size_t>(what)]; }

std::optional<verb> parse_verb(std::string_view word) {
  auto at = std::find(words.begin(), words.end(), word);
  if (at == words.end())
    return std::nullopt;
  return static_cast<verb>(at - words.begin());
}

} // namespace duende
