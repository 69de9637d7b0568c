// Starting a keeper that starts a node, and hearing how that went.
#pragma once

#include "apps/duende/context.hpp"

#include <string>

#include <sys/types.h>

namespace duende::cli {

struct keeper_command {
  std::string config_file; ///< absolute
  std::string socket;
  std::string state_dir;
  bool end_orphans = false;
  bool detached = false; ///< no terminal: stdout and stderr go to <state_dir>/node.log
};

struct keeper_process {
  pid_t pid = 0;
  int ready_fd = -1; ///< the node writes one line there: "ready", or why not
};

/// Runs duende-keeper in a session of its own with /dev/null as stdin. Errors: not_found where a program is missing, spawn_failed.
caf::expected<keeper_process> start_keeper(const keeper_command& command);

} // namespace duende::cli
