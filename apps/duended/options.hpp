// The node's command line and what the keeper tells it by its environment.
#pragma once

#include "core/errc.hpp"

#include <cstdint>
#include <string>

namespace duende {

struct node_options {
  std::string config_file;      ///< --config
  std::string socket_path;      ///< --socket
  std::string state_dir;        ///< --state-dir, else $DUENDE_STATE_DIR, the keeper's; empty: the configuration's
  bool adopt_orphans = true;    ///< --end-orphans: what a killed keeper left is ended, not taken over
  bool version = false;         ///< --version
  int keeper_fd = -1;           ///< $DUENDE_KEEPER_FD
  int ready_fd = -1;            ///< $DUENDE_READY_FD: one line, "ready" or why not
  std::uint32_t generation = 1; ///< $DUENDE_GENERATION
  bool upgraded = false;        ///< $DUENDE_UPGRADED: this program has just taken the place of another
  std::string upgrade_failure;  ///< $DUENDE_UPGRADE_FAILED: why another one did not take the place of this
};

/// Errors: invalid_config with a sentence. The variables of the keeper are taken out of the environment.
caf::expected<node_options> parse_node_options(int argc, char** argv);

} // namespace duende
