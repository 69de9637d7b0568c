// Rules of a time zone as a value: what the clock on the wall shows at an instant, and when it shows what.
#pragma once

#include <caf/expected.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace duende {

/// Seconds that a clock on the wall shows, as if it were UTC.
using local_seconds = std::chrono::seconds;
using utc_seconds = std::chrono::sys_seconds;

/// A rule for each year to come, as in the TZ variable. Source: POSIX.1-2017, 8.3; RFC 8536, 3.3.
struct zone_rule {
  struct change {
    enum class form : std::uint8_t { month_week_day, julian, day_of_year } how = form::month_week_day;
    int month = 0, week = 0, day = 0;
    std::int32_t at = 7200; ///< seconds of that day, -167 h to 167 h
  };
  std::int32_t standard = 0, summer = 0; ///< seconds east of UTC
  bool has_summer = false;
  change begin, end;
};

class time_zone {
public:
  time_zone() = default; ///< UTC

  /// "" is the machine's own (TZ, /etc/localtime, else UTC), "UTC", or a name of the tz database. Reads files.
  /// Errors: not_found, io_failure.
  static caf::expected<time_zone> named(std::string_view name);
  /// The content of a file of the tz database. Source: RFC 8536. Errors: invalid_config.
  static caf::expected<time_zone> read(std::string_view tzif);
  /// A TZ variable such as "CET-1CEST,M3.5.0,M10.5.0/3". Errors: invalid_config.
  static caf::expected<time_zone> rule(std::string_view posix);

  /// Seconds east of UTC.
  std::int32_t offset_at(utc_seconds when) const;
  /// The first instant at which the clock shows that; none where it leaps over it.
  std::optional<utc_seconds> first_showing(local_seconds shown) const;

private:
  struct change {
    std::int64_t at;
    std::int32_t offset; ///< from then on
  };
  std::vector<change> changes_;
  std::int32_t first_ = 0; ///< before all of them
  std::optional<zone_rule> later_;
};

} // namespace duende
