#include "actors/life_record.hpp"

#include "core/fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace duende {

std::string to_text(const life_record& r) {
  fmt::memory_buffer out;
  auto count = std::min<std::size_t>(r.recent.size(), life_record::max_recent);
  fmt::format_to(
    std::back_inserter(out), "{} 1 {} {} {} {} {} {}", r.ready ? r.post_started ? 2 : 1 : 0, static_cast<int>(r.wanted),
    r.incarnation, r.restarts, r.streak, r.started_at.time_since_epoch().count(), count);
  for (auto i = r.recent.size() - count; i < r.recent.size(); ++i)
    fmt::format_to(std::back_inserter(out), " {}", r.recent[i].time_since_epoch().count());
  fmt::format_to(std::back_inserter(out), " {}", r.name);
  if (r.cut)
    fmt::format_to(
      std::back_inserter(out), " breaker {} {} {}", static_cast<int>(r.cut->state), r.cut->count,
      r.cut->opened_at.time_since_epoch().count());
  return fmt::to_string(out);
}

std::optional<life_record> parse_life_record(std::string_view text) {
  life_record r;
  int ready = 0, version = 0, wanted = 0;
  std::int64_t started = 0;
  std::size_t count = 0;
  if (
    !take_number(text, ready) || !take_number(text, version) || version != 1 || !take_number(text, wanted) || wanted < 0
    || wanted > 2 || !take_number(text, r.incarnation) || !take_number(text, r.restarts) || !take_number(text, r.streak)
    || !take_number(text, started) || !take_number(text, count) || count > life_record::max_recent)
    return std::nullopt;
  r.ready = ready != 0;
  r.post_started = ready == 2;
  r.wanted = static_cast<intent>(wanted);
  r.started_at = wall_time{std::chrono::milliseconds{started}};
  for (std::size_t i = 0; i < count; ++i) {
    std::int64_t at = 0;
    if (!take_number(text, at))
      return std::nullopt;
    r.recent.emplace_back(duration{at});
  }
  constexpr std::string_view mark = " breaker ";
  const auto end = text.find(mark); // a name has no blank
  r.name = text.substr(0, end);
  if (end == std::string_view::npos)
    return r;
  text.remove_prefix(end + mark.size());
  int state = 0;
  std::int64_t opened = 0;
  breaker::memory cut;
  if (
    !take_number(text, state) || state < 0 || state > 2 || !take_number(text, cut.count) || !take_number(text, opened))
    return std::nullopt;
  cut.state = static_cast<breaker_state>(state);
  cut.opened_at = instant{duration{opened}};
  r.cut = cut;
  return r;
}

void mark_ready(std::string& text) {
  if (text.starts_with('0')) // else it is known, and with it perhaps that the hooks are through
    text[0] = '1';
}

} // namespace duende
