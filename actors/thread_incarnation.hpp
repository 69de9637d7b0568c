// The incarnation of an in-process daemon: an actor that owns the thread `duende::daemon` runs on.
#pragma once

#include "actors/child.hpp"

#include <caf/actor.hpp>

#include <memory>

namespace duende {

/// Spawned by `parent` and monitored by it; speaks life_actor's messages and tells its parent life_notes.
caf::actor spawn_thread_incarnation(caf::local_actor& parent, const daemon_spec& spec, const child& c);

} // namespace duende
