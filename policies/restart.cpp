#include "policies/restart.hpp"

#include "core/units.hpp"
#include "policies/backoff.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace duende {
namespace {

restart_decision resting(restart_ground ground) { return {restart_action::rest, ground, 0, {}}; }

restart_decision giving_up(restart_ground ground, std::uint32_t streak) {
  return {restart_action::give_up, ground, streak, {}};
}

restart_decision restarting(const restart_policy& policy, std::uint32_t streak, std::uint64_t seed) {
  const auto nth = streak < std::numeric_limits<std::uint32_t>::max() ? streak + 1 : streak;
  const auto delay = jittered(backoff_delay(policy, nth), policy.jitter, policy.max_delay, seed);
  return {restart_action::restart, restart_ground::will_restart, nth, delay};
}

} // namespace

bool is_success(const restart_policy& policy, const exit_reason& reason) {
  return reason.cause == exit_cause::code
         && std::find(policy.success_codes.begin(), policy.success_codes.end(), reason.value)
              != policy.success_codes.end();
}

restart_decision decide_restart(
  const restart_policy& policy, restart_history history, const exit_reason& reason, duration uptime,
  bool stop_was_asked, std::uint64_t jitter_seed) {
  if (stop_was_asked)
    return resting(restart_ground::stop_asked);
  const bool success = is_success(policy, reason);
  const bool was_run = reason.cause != exit_cause::spawn && uptime >= policy.reset_after;
  const auto streak = was_run ? 0 : history.streak;
  switch (policy.kind) {
    case restart_kind::never:
      return success ? resting(restart_ground::clean_end) : giving_up(restart_ground::never, streak);
    case restart_kind::on_failure:
      return success ? resting(restart_ground::clean_end) : restarting(policy, streak, jitter_seed);
    case restart_kind::max_retries:
      if (success)
        return resting(restart_ground::clean_end);
      if (policy.retries != 0 && streak >= policy.retries)
        return giving_up(restart_ground::retries_used_up, streak);
      return restarting(policy, streak, jitter_seed);
    case restart_kind::always:
    case restart_kind::unless_stopped: break;
  }
  return restarting(policy, streak, jitter_seed);
}

std::string explain(const restart_decision& decision, const restart_policy& policy, const exit_reason& reason) {
  switch (decision.ground) {
    case restart_ground::stop_asked: return "stopped on request";
    case restart_ground::clean_end: return fmt::format("completed: {}", to_string(reason));
    case restart_ground::never: return fmt::format("policy 'never': {}", to_string(reason));
    case restart_ground::retries_used_up:
      return fmt::format(
        "{} {} used up: {}", policy.retries, policy.retries == 1 ? "retry" : "retries", to_string(reason));
    case restart_ground::will_restart: break;
  }
  if (decision.delay == duration::zero())
    return fmt::format("restart {} at once: {}", decision.streak, to_string(reason));
  return fmt::format("restart {} in {}: {}", decision.streak, human_duration(decision.delay), to_string(reason));
}

bool starts_at_boot(const restart_policy& policy, bool autostart, bool operator_asked, desired_state desired) {
  if (!operator_asked)
    return autostart;
  if (desired == desired_state::up)
    return true;
  return autostart && policy.kind == restart_kind::always;
}

} // namespace duende
