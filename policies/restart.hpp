// Whether an ended daemon comes back, and when.
#pragma once

#include "core/exit_reason.hpp"
#include "core/spec.hpp"

#include <cstdint>
#include <string>

namespace duende {

/// What a child record remembers between incarnations.
struct restart_history {
  std::uint32_t streak = 0; ///< restarts in a row without a run of reset_after
};

enum class restart_action : std::uint8_t {
  restart, ///< after `delay`
  rest,    ///< stopped: it did what it should, nothing to do
  give_up, ///< failed: waits for a person
};

/// What the decision rests on; explain() puts it into words.
enum class restart_ground : std::uint8_t { will_restart, stop_asked, clean_end, never, retries_used_up };

struct restart_decision {
  restart_action action = restart_action::rest;
  restart_ground ground = restart_ground::clean_end;
  std::uint32_t streak = 0; ///< to be kept in the history: the number of this restart; 0 after a rest
  duration delay{};         ///< with jitter; 0 unless action is restart
};

/// True for an exit code listed in success_codes; any other cause is a failure.
bool is_success(const restart_policy& policy, const exit_reason& reason);

/// Decides after an end that followed `uptime` of running (0 for a failed start).
/// - A stop that was asked for is a rest, always.
/// - never: rest after success, give_up after failure. on-failure: rest after success, restart after failure.
/// - always, unless-stopped: restart. They differ only when a node begins: see starts_at_boot().
/// - max-retries: as on-failure, but give_up once `retries` restarts in a row did not help (0 = no limit).
/// A run of at least reset_after clears the streak; a failed start (cause `spawn`) was no run.
/// The same seed gives the same delay, so a node that decides again after a crash decides the same.
restart_decision decide_restart(
  const restart_policy& policy, restart_history history, const exit_reason& reason, duration uptime,
  bool stop_was_asked, std::uint64_t jitter_seed);

/// The decision as a sentence: "restart 3 in 200ms: exited with code 3", "10 retries used up: killed by SIGSEGV",
/// "policy 'never': exited with code 1", "stopped on request", "completed: exited with code 0". Not for the hot path.
std::string explain(const restart_decision& decision, const restart_policy& policy, const exit_reason& reason);

/// Whether a daemon is started when a node begins that finds no process of it. `desired` is what an operator last asked for,
/// `autostart` the configuration's word for a daemon nobody has asked about. Policy `always` ignores an earlier stop.
bool starts_at_boot(const restart_policy& policy, bool autostart, bool operator_asked, desired_state desired);

} // namespace duende
