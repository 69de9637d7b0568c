// Whether a daemon is healthy, from the outcomes of its checks.
#pragma once

#include "core/spec_policies.hpp"
#include "core/state.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace duende {

/// How one check ended. `degraded`: the daemon itself says that it works, but not well.
enum class check_outcome : std::uint8_t { passed, degraded, failed };
inline constexpr int check_outcome_count = 3;
std::string_view to_string(check_outcome x);

/// unknown --check--> healthy <--> degraded (failures below `retries`) --> unhealthy; one passed check makes it healthy again.
/// Failures within start_period change nothing. No clock of its own.
class health_track {
public:
  struct change {
    health_state before = health_state::unknown, now = health_state::unknown;
    std::uint32_t failures = 0; ///< in a row
    bool happened() const { return before != now; }
    /// The moment to act, once for each row of failures.
    bool became_unhealthy() const { return happened() && now == health_state::unhealthy; }
  };

  /// Of a life that began at `started`. `retries` of 0 counts as 1.
  health_track(std::uint32_t retries, duration start_period, instant started);
  explicit health_track(const health_spec& spec, instant started = {})
    : health_track(spec.retries, spec.start_period, started) {}

  change observe(check_outcome outcome, instant now);
  health_state state() const { return state_; }

private:
  std::uint32_t retries_, failures_ = 0;
  instant counts_from_;
  health_state state_ = health_state::unknown;
};

/// "degraded: connect to 127.0.0.1:80: Connection refused (1 of 3)", "unhealthy after 3 failures in a row: ...", "healthy again".
/// Empty where nothing happened, and for the first word that it is healthy.
std::string explain(const health_track::change& change, std::uint32_t retries, std::string_view outcome);

} // namespace duende
