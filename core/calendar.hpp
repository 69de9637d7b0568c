// Calendar expressions as systemd.time(7) has them: "Mon..Fri 03:00", "*-*-01 04:00 Europe/Berlin", "hourly".
#pragma once

#include "core/time.hpp"
#include "core/time_zone.hpp"

#include <caf/expected.hpp>

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace duende {

/// A parsed expression. Weekdays, dates with lists, ranges, repetitions and `~` (from the end of the month), times with or without
/// seconds, words such as "daily", and a time zone. Fractions of seconds and "@" times are not taken.
class calendar {
public:
  /// Errors: invalid_config with what is wrong where.
  static caf::expected<calendar> parse(std::string_view text);

  /// "" for the machine's own.
  const std::string& zone() const { return zone_; }

  /// The first time after `after` that the expression names; none where there is none up to the year 2199. A time that the
  /// clock leaps over does not occur; of one that it shows twice the first counts.
  std::optional<wall_time> next(wall_time after, const time_zone& zone) const;

private:
  friend class calendar_parser;

  /// A value, a range or a repetition.
  struct part {
    int from = 0, to = 0, step = 1; ///< `to` included
    bool matches(int x) const { return x >= from && x <= to && (x - from) % step == 0; }
  };

  bool matches_day(std::chrono::year_month_day date) const;

  std::bitset<7> weekdays_; ///< Monday first
  std::vector<part> years_; ///< empty: all
  std::bitset<13> months_;  ///< from 1
  std::vector<part> days_;  ///< empty: all
  bool from_end_ = false;   ///< days count back from the last one, which is 1
  std::bitset<24> hours_;
  std::bitset<60> minutes_, seconds_;
  std::string zone_;
};

} // namespace duende
