#include "core/time_zone_rule.hpp"

#include <algorithm>

namespace duende {
namespace {

namespace ch = std::chrono;

bool accept(std::string_view& text, char c) {
  if (text.empty() || text.front() != c)
    return false;
  text.remove_prefix(1);
  return true;
}

std::optional<int> zone_number(std::string_view& text, int most) {
  int value = 0;
  std::size_t digits = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits)
    if (value = value * 10 + (text[digits] - '0'); value > most)
      return std::nullopt;
  if (digits == 0)
    return std::nullopt;
  text.remove_prefix(digits);
  return value;
}

/// "CEST" or "<+03>".
bool zone_name(std::string_view& text) {
  std::size_t size = 0;
  if (accept(text, '<')) {
    size = text.find('>');
    if (size == std::string_view::npos)
      return false;
    text.remove_prefix(size + 1);
    return size >= 3;
  }
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  while (size < text.size() && letter(text[size]))
    ++size;
  text.remove_prefix(size);
  return size >= 3;
}

/// [+-]hh[:mm[:ss]] in seconds.
std::optional<std::int32_t> zone_time(std::string_view& text) {
  bool negative = accept(text, '-');
  if (!negative)
    accept(text, '+');
  auto hours = zone_number(text, 167);
  if (!hours)
    return std::nullopt;
  int seconds = *hours * 3600;
  for (int unit : {60, 1}) {
    if (!accept(text, ':'))
      break;
    auto value = zone_number(text, 59);
    if (!value)
      return std::nullopt;
    seconds += *value * unit;
  }
  return negative ? -seconds : seconds;
}

std::optional<zone_rule::change> zone_change(std::string_view& text) {
  using form = zone_rule::change::form;
  zone_rule::change c;
  if (!accept(text, ','))
    return std::nullopt;
  if (accept(text, 'M')) {
    auto month = zone_number(text, 12);
    auto week = month && accept(text, '.') ? zone_number(text, 5) : std::nullopt;
    auto day = week && accept(text, '.') ? zone_number(text, 6) : std::nullopt;
    if (!day || *month < 1 || *week < 1)
      return std::nullopt;
    c.month = *month;
    c.week = *week;
    c.day = *day;
  } else {
    c.how = accept(text, 'J') ? form::julian : form::day_of_year;
    auto day = zone_number(text, 365);
    if (!day || (c.how == form::julian && *day < 1))
      return std::nullopt;
    c.day = *day;
  }
  if (accept(text, '/')) {
    auto at = zone_time(text);
    if (!at)
      return std::nullopt;
    c.at = *at;
  }
  return c;
}

/// Seconds since 1970 as the clock on the wall shows them at the change.
std::int64_t local_change(const zone_rule::change& c, ch::year year) {
  using form = zone_rule::change::form;
  ch::sys_days day;
  if (c.how == form::month_week_day) {
    auto month = year / ch::month{static_cast<unsigned>(c.month)};
    ch::weekday weekday{static_cast<unsigned>(c.day)};
    day = c.week == 5 ? ch::sys_days{month / weekday[ch::last]}
                      : ch::sys_days{month / weekday[static_cast<unsigned>(c.week)]};
  } else {
    day = ch::sys_days{year / ch::January / 1};
    auto days = c.day;
    if (c.how == form::julian) // counted as if there were no 29 February
      days = c.day - 1 + (year.is_leap() && c.day >= 60 ? 1 : 0);
    day += ch::days{days};
  }
  return ch::sys_seconds{day}.time_since_epoch().count() + c.at;
}

} // namespace

std::optional<zone_rule> parse_zone_rule(std::string_view text) {
  zone_rule rule;
  if (!zone_name(text))
    return std::nullopt;
  auto west = zone_time(text);
  if (!west)
    return std::nullopt;
  rule.standard = rule.summer = -*west;
  if (text.empty())
    return rule;
  rule.has_summer = true;
  rule.summer = rule.standard + 3600;
  if (!zone_name(text))
    return std::nullopt;
  if (!text.empty() && text.front() != ',') {
    auto summer = zone_time(text);
    if (!summer)
      return std::nullopt;
    rule.summer = -*summer;
  }
  auto begin = zone_change(text);
  auto end = begin ? zone_change(text) : std::nullopt;
  if (!end || !text.empty())
    return std::nullopt;
  rule.begin = *begin;
  rule.end = *end;
  return rule;
}

std::int32_t offset_by(const zone_rule& rule, std::int64_t at) {
  if (!rule.has_summer)
    return rule.standard;
  ch::sys_seconds shown{ch::seconds{at + rule.standard}};
  auto year = ch::year_month_day{ch::floor<ch::days>(shown)}.year();
  auto begin = local_change(rule.begin, year) - rule.standard;
  auto end = local_change(rule.end, year) - rule.summer;
  bool summer = begin < end ? at >= begin && at < end : at >= begin || at < end;
  return summer ? rule.summer : rule.standard;
}

} // namespace duende
