// Starting a keeper as a child of this program: for programs that embed duende.
#pragma once

#include "core/errc.hpp"

#include <sys/types.h>

#include <string>

namespace duende {

struct spawned_keeper {
  pid_t pid = 0; ///< a child of this process: to be waited for
  int fd = -1;   ///< for keeper_link::connect
};

/// $DUENDE_KEEPER, else duende-keeper beside the running program, else in ../libexec/duende, else in PATH.
/// Errors: not_found, naming the places.
caf::expected<std::string> find_keeper();

/// Starts a keeper in a session of its own. It stops all children and ends when the socket is closed.
/// Errors: not_found, spawn_failed.
caf::expected<spawned_keeper> spawn_keeper(const std::string& state_dir, const std::string& run_dir);

} // namespace duende
