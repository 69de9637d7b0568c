// What the keeper holds for one daemon, across its incarnations.
#pragma once

#include "backends/native/protocol.hpp"

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace duende::keeper {

struct flight;

enum class phase : std::uint8_t {
  starting, ///< cloned; its exec is not through yet
  failing,  ///< a step failed; its process is about to end
  running,
  ended,  ///< exit not acknowledged
  failed, ///< no process came to be; not acknowledged
  orphan, ///< left by a killed keeper, not adopted
};

/// What the node has yet to be told, in the order of telling.
enum untold : std::uint8_t {
  untold_held = 1,
  untold_channels = 2,
  untold_spawned = 4,
  untold_run = 8,
  untold_exit = 16,
  untold_failure = 32,
};

struct slot {
  uuid id;
  std::uint32_t index = 0; ///< also of its ledger entry
  std::uint32_t incarnation = 0;
  enum phase phase = phase::failed;
  bool stopped = false;
  bool own_child = true;
  bool unexecuted = false; ///< its process may still hold copies of our descriptors
  bool queued = false;     ///< in the list of slots with something untold
  std::uint8_t untold = 0;
  std::uint8_t untold_mask = 0;    ///< of protocol::channel
  struct flight* flight = nullptr; ///< where its child still uses our memory
  pid_t pid = 0;
  int pidfd = -1;
  int listener = -1; ///< of its filter: where we are asked
  int network = -1;  ///< its own network namespace, for its next life too
  int status = -1;   ///< read end; closing tells of the exec
  // One descriptor each, open for reading and writing: it keeps the pipe alive whoever else dies.
  int out = -1, err = -1, ready = -1, notify = -1;
  std::uint64_t start_time = 0;
  protocol::exited exit; ///< started is set from the clone on
  protocol::step failed_step{};
  int failed_error = 0;
  std::string failed_subject, record, cgroup;

  bool has_process() const {
    return phase == phase::starting || phase == phase::failing || phase == phase::running || phase == phase::orphan;
  }
};

} // namespace duende::keeper
