// How long to wait before the next try: growth, cap and jitter, from values alone.
#pragma once

#include "core/spec.hpp"

#include <cstdint>

namespace duende {

/// The wait before the `nth` restart in a row (1 is the first) without jitter: initial_delay, next_delay, then times multiplier
/// each, never over max_delay. A multiplier under 1 counts as 1, negative delays as none.
duration backoff_delay(const restart_policy& policy, std::uint32_t nth);

/// `delay` spread by +-`share` of it (clamped to 0..1) but not over `cap`: at the cap the spread lies below, so that many
/// daemons that wait for the longest time still do not return in one moment. The same seed gives the same answer.
duration jittered(duration delay, double share, duration cap, std::uint64_t seed);

} // namespace duende
