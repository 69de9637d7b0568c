// What is: the state of daemons and supervisors as commands, API and metrics show it.
#pragma once

#include "core/event.hpp"
#include "core/spec.hpp"
#include "core/uuid.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace duende {

struct last_exit {
  exit_reason reason;
  wall_time at{};
  std::string text; ///< to_string(reason)
};

/// Seconds in fixed buckets (upper bounds in histogram_bounds) plus one for the rest.
inline constexpr std::array<double, 11> histogram_bounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1, 5, 30, 120};
struct histogram {
  std::array<std::uint32_t, histogram_bounds.size() + 1> counts{};
  double sum = 0;
  void observe(double seconds);
};

/// What checks, breaker and jidoka did for a daemon. Few have any.
struct policy_counters {
  struct broken_rule {
    std::string gate, kind;
    std::uint64_t count = 0;
  };
  std::array<histogram, 3> check_seconds;             ///< by outcome: passed, degraded, failed
  int breaker = -1;                                   ///< 0 closed, 1 half-open, 2 open; -1: there is none
  std::array<std::uint64_t, 3> breaker_transitions{}; ///< to these
  std::vector<broken_rule> violations;
};

/// Counters of a daemon since its record exists; they survive incarnations.
struct daemon_counters {
  std::uint64_t starts = 0;
  std::uint64_t restarts = 0;
  std::array<std::uint64_t, exit_cause_count> exits{};
  histogram start_seconds, restart_seconds, stop_seconds;
  std::uint64_t requests = 0, errors = 0; ///< RED figures of in-process daemons
  histogram request_seconds;
  boxed<policy_counters> policies;
};

struct daemon_status {
  std::string name;
  uuid id;
  daemon_state state = daemon_state::created;
  std::int32_t pid = 0; ///< 0: no process of its own
  std::string backend;  ///< "native", or "thread" / "actor" for in-process daemons
  std::string supervisor;
  bool ready = false;
  health_state health = health_state::unknown;
  std::uint64_t restarts = 0;
  std::uint32_t incarnation = 0; ///< 0: never started
  std::optional<wall_time> started_at;
  double uptime_seconds = 0;
  std::optional<last_exit> last;
  desired_state desired = desired_state::down;
  std::string status_text;                    ///< sd_notify's STATUS=, or why it waits: "waits for 'db' to be ready"
  std::optional<double> next_restart_seconds; ///< in backoff
  std::optional<wall_time> next_run_at;       ///< of a scheduled one
  std::optional<wall_time> last_run_at;       ///< likewise, its start
  std::uint64_t skipped_runs = 0;             ///< the one before still ran
  bool scheduled = false;
  std::string version, description;
  std::string instance_of;                         ///< the name that several instances share
  std::shared_ptr<const daemon_counters> counters; ///< null where nothing was counted yet
};

struct supervisor_status {
  std::string name;
  std::string parent; ///< empty for root
  duende::strategy strategy = duende::strategy::one_for_one;
  intensity_limit intensity;
  daemon_state state = daemon_state::running;
  std::uint64_t restarts = 0; ///< of its children
  std::uint64_t escalations = 0;
  std::vector<std::string> children; ///< daemons and supervisors in start order
};

} // namespace duende
