// What a daemon may do, and what would lessen it: the member `sandbox` of one daemon.
#pragma once

#include "actors/api/json.hpp"

namespace duende::api {

/// Adds `sandbox` and `locked_bytes`; null where it has no process of its own that runs.
void write_sandbox(json_writer& out, control& node, const daemon_status& daemon);

} // namespace duende::api
