#include "actors/control.hpp"

#include "actors/observer.hpp"
#include "actors/tracer.hpp"

#include <algorithm>
#include <array>

namespace duende {
namespace {

constexpr std::array<std::string_view, 6> words{"start", "stop", "restart", "pause", "resume", "reload"};

} // namespace

std::string_view to_string(verb what) { return words[static_cast<std::size_t>(what)]; }

caf::expected<sample_history> control::samples(const std::string&, const history_query&) {
  return make_error(errc::unsupported, "this node takes no samples");
}

caf::expected<std::unique_ptr<trace_run>> control::trace(const std::string&, const trace_options&) {
  return make_error(errc::unsupported, "this node traces nothing");
}

std::optional<verb> parse_verb(std::string_view word) {
  auto at = std::find(words.begin(), words.end(), word);
  if (at == words.end())
    return std::nullopt;
  return static_cast<verb>(at - words.begin());
}

} // namespace duende
