// The incarnation of an in-process daemon: an actor that owns the thread `duende::daemon` runs on.
#pragma once

#include "actors/child.hpp"

#include <caf/actor.hpp>

#include <memory>

namespace duende {

/// Spawned by `parent` and monitored by it; speaks life_actor's messages and tells its parent life_notes. Health checks go to
/// `recorder`.
caf::actor spawn_thread_incarnation(
  caf::local_actor& parent, services_ptr with, const child& c, std::shared_ptr<check_recorder> recorder);

} // namespace duende
