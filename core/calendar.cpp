#include "core/calendar.hpp"

#include <algorithm>

namespace duende {
namespace {

namespace ch = std::chrono;

constexpr int last_year = 2199;

} // namespace

bool calendar::matches_day(ch::year_month_day date) const {
  auto any = [](const std::vector<part>& parts, int x) {
    return parts.empty() || std::any_of(parts.begin(), parts.end(), [&](const part& p) { return p.matches(x); });
  };
  ch::weekday weekday{ch::sys_days{date}};
  if (!weekdays_[weekday.iso_encoding() - 1])
    return false;
  auto length = static_cast<unsigned>((date.year() / date.month() / ch::last).day());
  auto day = static_cast<unsigned>(date.day());
  return any(days_, static_cast<int>(from_end_ ? length - day + 1 : day));
}

std::optional<wall_time> calendar::next(wall_time after, const time_zone& zone) const {
  auto begin = ch::floor<ch::seconds>(after);
  // No clock shows less from then on: offsets change by less than a day.
  auto lowest = zone.offset_at(begin);
  for (auto nearby : {begin - ch::days{1}, begin + ch::days{1}})
    lowest = std::min(lowest, zone.offset_at(nearby));
  auto shown = begin.time_since_epoch() + ch::seconds{lowest};
  auto first_day = ch::floor<ch::days>(ch::sys_seconds{shown});
  auto from = ch::sys_seconds{shown} - first_day; // on the first day
  auto year_matches = [&](int year) {
    return years_.empty() || std::any_of(years_.begin(), years_.end(), [&](const part& p) { return p.matches(year); });
  };
  for (auto day = first_day;; day += ch::days{1}, from = {}) {
    ch::year_month_day date{day};
    if (static_cast<int>(date.year()) > last_year)
      return std::nullopt;
    if (!year_matches(static_cast<int>(date.year()))) {
      day = ch::sys_days{date.year() / ch::December / 31};
      continue;
    }
    if (!months_[static_cast<unsigned>(date.month())]) {
      day = ch::sys_days{date.year() / date.month() / ch::last};
      continue;
    }
    if (!matches_day(date))
      continue;
    ch::hh_mm_ss start{from};
    for (int h = static_cast<int>(start.hours().count()); h < 24; ++h) {
      if (!hours_[static_cast<unsigned>(h)])
        continue;
      bool in_first = h == start.hours().count();
      for (int m = in_first ? static_cast<int>(start.minutes().count()) : 0; m < 60; ++m) {
        if (!minutes_[static_cast<unsigned>(m)])
          continue;
        for (unsigned s = 0; s < 60; ++s) {
          if (!seconds_[s])
            continue;
          auto at = zone.first_showing(day.time_since_epoch() + ch::hours{h} + ch::minutes{m} + ch::seconds{s});
          if (at && wall_time{*at} > after)
            return wall_time{*at};
        }
      }
    }
  }
}

} // namespace duende
