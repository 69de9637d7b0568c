// When a scheduled daemon runs next: decided from its configuration, what is known of earlier runs, and now.
#pragma once

#include "core/calendar.hpp"
#include "core/spec.hpp"
#include "core/time_zone.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace duende {

/// What outlives the node of a daemon's runs.
struct schedule_memory {
  std::optional<wall_time> last; ///< when a run began last
  std::optional<wall_time> next; ///< when the next one was to begin
  std::uint64_t skipped = 0;     ///< runs that fell due while the one before still ran
  bool operator==(const schedule_memory&) const = default;
};

/// One line; it names the schedule, so that another one does not go by it.
std::string to_text(const schedule_memory& memory, const schedule_spec& of);
/// What the text holds of that schedule; of another one, or where it can't be read, only `last` and `skipped` where they can.
schedule_memory parse_schedule_memory(std::string_view text, const schedule_spec& of);

/// A schedule ready to be asked.
class schedule_rule {
public:
  /// Errors: as calendar::parse and time_zone::named. Reads the zone's file.
  static caf::expected<schedule_rule> make(const schedule_spec& spec);
  schedule_rule(schedule_spec spec, std::optional<calendar> when, time_zone zone);

  /// The next run after `now`; none where the calendar holds none. `seed` decides the jitter.
  std::optional<wall_time> next(const schedule_memory& memory, wall_time now, std::uint64_t seed) const;
  /// Whether a run fell due while nobody was there, and is to be made up for: asked for by catch_up, and in any case where that
  /// was less than a minute ago, as long as a node may take to come back.
  bool missed(const schedule_memory& memory, wall_time now) const;

private:
  std::optional<wall_time> grid(const schedule_memory& memory, wall_time now) const;

  schedule_spec spec_;
  std::optional<calendar> when_;
  time_zone zone_;
};

} // namespace duende
