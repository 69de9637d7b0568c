// Invariants: what must hold while a daemon runs. One watcher for each incarnation that has some, linked to it.
#pragma once

#include "actors/incarnation.hpp"
#include "policies/gates.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace duende {

struct line_order {
  daemon_spec_ptr spec; ///< with invariants
  std::int32_t pid = 0;
  std::uint64_t restarts = 0;
  bool paused = false;
};

/// It is time to look.
struct look_now {
  std::uint32_t generation = 0;
};
using line_watcher_actor =
  caf::typed_actor<caf::reacts_to<pause_atom>, caf::reacts_to<resume_atom>, caf::reacts_to<look_now>>;

struct line_watcher_state {
  static constexpr const char* name = "duende.line";

  services_ptr with;
  line_order order;
  std::vector<invariant_track> rules;
  std::uint32_t generation = 0;
  std::optional<duration> cpu; ///< at the last look
  instant looked{};
};

/// Looks once a second. Ends with as_error(life_end), as a health checker does, where an invariant does not hold.
line_watcher_actor::behavior_type
line_watcher(line_watcher_actor::stateful_pointer<line_watcher_state> self, services_ptr with, line_order order);

} // namespace duende

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::look_now)
