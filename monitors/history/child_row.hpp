// What a node must find again when it begins anew: one row per daemon, and the stack.
#pragma once

#include "core/status.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace duende {

/// A daemon's record as it survives the node. `desired` is written by put_desired alone.
struct child_row {
  uuid id;
  std::string name;
  std::string supervisor;
  daemon_state state = daemon_state::created;
  std::uint32_t incarnation = 0;
  std::uint64_t restarts = 0;
  std::uint32_t streak = 0;
  std::optional<last_exit> last;
  std::string record;                   ///< opaque to the history
  std::optional<desired_state> desired; ///< filled by load(): what an operator asked for last, none where nobody did
};

/// What was found at open.
struct loaded_state {
  std::vector<child_row> children; ///< ordered by name
  std::string stack;               ///< as put_stack got it; empty where there is none
  std::int64_t last_event_id = 0;
  bool clean = true; ///< false: the process before this one ended without closing its history
};

} // namespace duende
