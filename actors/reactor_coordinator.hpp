// CAF's scheduler on the thread of a reactor.
#pragma once

#include "core/reactor.hpp"

#include <caf/actor_system_config.hpp>

namespace duende {

/// Makes a system of this configuration run its actors on the thread of `io`, where most of their messages come from: the end of
/// a process is handed from epoll to its supervisor and to the keeper again without a switch of threads. For actors that do not
/// block: each one holds up the descriptors, and each handler the actors. The clock is the quiet one (quiet_coordinator.hpp).
/// Call it before the system is made; `io` must outlive the system.
void use_reactor(caf::actor_system_config& config, reactor& io);

} // namespace duende
