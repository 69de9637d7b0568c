#include "actors/api/parameters.hpp"

#include "core/units.hpp"

#include <charconv>

namespace duende::api {

caf::expected<bool> flag_parameter(const http_request& request, const std::string& name, bool absent) {
  if (!request.has_parameter(name))
    return absent;
  auto text = request.parameter(name);
  if (text.empty() || text == "1" || text == "true")
    return true;
  if (text == "0" || text == "false")
    return false;
  return fail(errc::invalid_config, "parameter '{}': expected 1, true, 0 or false, not '{}'", name, text);
}

caf::expected<std::uint64_t>
count_parameter(const http_request& request, const std::string& name, std::uint64_t absent, std::uint64_t limit) {
  if (!request.has_parameter(name))
    return absent;
  auto text = request.parameter(name);
  std::uint64_t count = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || end != text.data() + text.size() || count > limit)
    return fail(errc::invalid_config, "parameter '{}': expected a number from 0 to {}, not '{}'", name, limit, text);
  return count;
}

caf::expected<duration> timeout_parameter(const http_request& request) {
  if (!request.has_parameter("timeout"))
    return default_action_timeout;
  auto value = parse_duration(request.parameter("timeout"));
  if (!value)
    return fail(errc::invalid_config, "parameter 'timeout': {}", sentence(value.error()));
  return std::min(*value, max_action_timeout);
}

caf::expected<wall_time> parse_since(std::string_view text) {
  if (auto at = parse_rfc3339(text))
    return *at;
  if (auto back = parse_duration(text))
    return wall_now() - std::chrono::floor<std::chrono::milliseconds>(*back);
  return fail(errc::invalid_config, "expected a time like 2026-01-31T12:00:00Z or a duration like 5m, not '{}'", text);
}

caf::expected<std::optional<wall_time>> since_parameter(const http_request& request) {
  if (!request.has_parameter("since"))
    return std::optional<wall_time>{};
  auto at = parse_since(request.parameter("since"));
  if (!at)
    return fail(errc::invalid_config, "parameter 'since': {}", sentence(at.error()));
  return std::optional{*at};
}

std::vector<std::string> list_parameter(const http_request& request, const std::string& name) {
  std::vector<std::string> words;
  std::string_view rest = request.parameter(name);
  while (!rest.empty()) {
    auto comma = std::min(rest.find(','), rest.size());
    if (comma > 0)
      words.emplace_back(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return words;
}

} // namespace duende::api
