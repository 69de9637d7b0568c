// The figures of `ps` that come from the kernel and not from the supervision tree.
#pragma once

#include "actors/api/json.hpp"
#include "core/status.hpp"

namespace duende::api {

/// Reads /proc now. Both are absent for a daemon without a process of its own.
usage_figures usage_of(const daemon_status& daemon);

} // namespace duende::api
