// Stop the line: what must hold before a start and while a daemon runs.
#pragma once

#include "core/spec_policies.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace duende {

/// What kind of rule was broken, as metrics and events name it.
enum class violation_kind : std::uint8_t { gate, invariant, health, first_end, limit };
std::string_view to_string(violation_kind x);

/// A rule that does not hold, with what shows it and what to do about it.
struct violation {
  violation_kind kind = violation_kind::gate;
  std::string rule;           ///< the name of the gate or invariant; "health_check", "stop_on_first"
  std::string evidence;       ///< "max_complexity is 31, at most 20 is allowed"
  std::string recommendation; ///< a sentence in the imperative
};
using violations = std::vector<violation>;

/// The reason of the end, in words: "gate 'quality': max_complexity is 31, at most 20 is allowed; ..."
std::string summary(const violations& broken);

} // namespace duende
