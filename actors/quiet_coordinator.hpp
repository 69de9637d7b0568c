// CAF's work-sharing scheduler with a clock that sleeps.
#pragma once

#include <caf/actor_system_config.hpp>

namespace duende {

/// Makes a system of this configuration wake its clock's thread only for actors that have timeouts. CAF 0.17 does it at the
/// end of every actor, to cancel timeouts that hardly one of ours has: two switches of threads for each restart.
/// Call it before the system is made.
void use_quiet_clock(caf::actor_system_config& config);

} // namespace duende
