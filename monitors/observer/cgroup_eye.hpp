// The figures of a process's own cgroup, v2 or v1, from files that are kept open.
#pragma once

#include "monitors/observer/sample.hpp"
#include "monitors/usage/open_file.hpp"

#include <array>
#include <memory>

namespace duende {

/// Own is a cgroup that the node itself is not in: of a shared one the figures would say nothing about the process. Not thread-safe.
class cgroup_eye {
public:
  /// Of the process whose /proc folder is `process`; null where none of its cgroups is its own. Allocates.
  static std::unique_ptr<cgroup_eye> open(int process);

  /// False where the cgroup is gone, whoever removed it. No allocation.
  bool look(cgroup_sample& into) const;

private:
  open_file memory_, cpu_, pids_;
  bool cpu_is_nanoseconds_ = false; ///< v1's cpuacct.usage; else v2's cpu.stat
  std::array<open_file, 3> pressure_;
};

} // namespace duende
