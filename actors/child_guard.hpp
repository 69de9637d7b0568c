// What a child record keeps of checks, breaker and stopped lines across incarnations. Few children have one.
#pragma once

#include "core/status.hpp"
#include "policies/breaker.hpp"

#include <cstdint>
#include <memory>
#include <optional>

namespace duende {

class check_recorder;
class limit_alarm;

struct child_guard {
  std::shared_ptr<check_recorder> checks;
  std::optional<breaker> cut;
  std::optional<breaker::ticket> start; ///< of the present life, until its outcome is known
  std::uint64_t trial_timer = 0;        ///< of a trial that runs; 0: none
  std::shared_ptr<limit_alarm> alarm;   ///< of the present life's limits
  bool told_memory = false;             ///< it has rung for memory
  policy_counters counters;             ///< but for the checks, which are counted where they are made
};

/// As metrics show it.
policy_counters counters_of(const child_guard& guard);

} // namespace duende
