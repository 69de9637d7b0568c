// Commands that ask about a daemon: probes of readiness and health, gates.
#pragma once

#include "actors/channels.hpp"
#include "actors/services.hpp"
#include "core/spec.hpp"
#include "monitors/probes/probe.hpp"

#include <string>
#include <vector>

namespace duende {

/// Runs commands as the daemon would run: same user, environment (`more` added), folder and limits; what they print goes to `output`, or
/// nowhere. They are
/// children of the keeper in groups of their own; what a dead node left of them its successor ends.
exec_launcher probe_launcher(
  const services_ptr& with, const daemon_spec_ptr& spec, std::vector<std::string> more = {},
  helper_output_ptr output = {});

} // namespace duende
