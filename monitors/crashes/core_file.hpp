// Where the kernel put the core of a process: /proc/sys/kernel/core_pattern, core(5).
#pragma once

#include "core/time.hpp"

#include <string>
#include <sys/types.h>

namespace duende {

struct core_facts {
  pid_t pid = 0;
  int signal = 0;
  std::string working_dir; ///< what a relative name is relative to
  wall_time started_at{};  ///< older files are others'
};

struct core_place {
  std::string path; ///< of the file; empty where there is none to be seen
  std::string text; ///< in words: where it is, who has it, or what was looked for
};

/// By the pattern of this machine. Looks at the file system; call it on no thread that must not wait.
core_place find_core(const core_facts& facts);
/// By this pattern. `uses_pid`: kernel.core_uses_pid.
core_place find_core(const core_facts& facts, std::string pattern, bool uses_pid);

} // namespace duende
