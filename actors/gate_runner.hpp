// Gates: commands that must agree before a start. One runner for each start, linked to its incarnation.
#pragma once

#include "actors/channels.hpp"
#include "actors/incarnation.hpp"
#include "monitors/probes/probe.hpp"

#include <memory>
#include <string>

namespace duende {

/// A gate's command is over.
struct gate_over {
  probe_result result;
};
using gate_runner_actor = caf::typed_actor<caf::reacts_to<gate_over>>;

struct gate_runner_state {
  static constexpr const char* name = "duende.gates";

  services_ptr with;
  daemon_spec_ptr spec;
  std::size_t next = 0;
  probe_ptr running;
  helper_output_ptr output;
  violations broken;
};

/// Runs the gates of `spec` one after another; with stop_on_first the first one that does not agree is the last. Ends without a
/// reason where all agree, else with as_error(life_end) whose `broken` says which do not.
gate_runner_actor::behavior_type
gate_runner(gate_runner_actor::stateful_pointer<gate_runner_state> self, services_ptr with, daemon_spec_ptr spec);

} // namespace duende

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::gate_over)
