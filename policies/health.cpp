#include "policies/health.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace duende {

std::string_view to_string(check_outcome x) {
  switch (x) {
    case check_outcome::passed: return "passed";
    case check_outcome::degraded: return "degraded";
    case check_outcome::failed: break;
  }
  return "failed";
}

health_track::health_track(std::uint32_t retries, duration start_period, instant started)
  : retries_(std::max(retries, 1u)), counts_from_(started + start_period) {}

health_track::change health_track::observe(check_outcome outcome, instant now) {
  change result{state_, state_, failures_};
  if (outcome == check_outcome::failed) {
    if (now < counts_from_)
      return result;
    if (failures_ < std::numeric_limits<std::uint32_t>::max())
      ++failures_;
    state_ = failures_ >= retries_ ? health_state::unhealthy : health_state::degraded;
  } else {
    failures_ = 0;
    state_ = outcome == check_outcome::passed ? health_state::healthy : health_state::degraded;
  }
  result.now = state_;
  result.failures = failures_;
  return result;
}

std::string explain(const health_track::change& change, std::uint32_t retries, std::string_view outcome) {
  if (!change.happened())
    return {};
  switch (change.now) {
    case health_state::healthy: return change.before == health_state::unknown ? "" : "healthy again";
    case health_state::degraded:
      return change.failures == 0 ? fmt::format("degraded: {}", outcome)
                                  : fmt::format("degraded: {} ({} of {})", outcome, change.failures, retries);
    case health_state::unhealthy:
      return change.failures == 1 ? fmt::format("unhealthy: {}", outcome)
                                  : fmt::format("unhealthy after {} failures in a row: {}", change.failures, outcome);
    case health_state::unknown: break;
  }
  return {};
}

} // namespace duende
