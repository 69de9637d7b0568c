// Control groups of daemons that have limits: made, changed, asked and removed by the node; a child enters its own in the keeper.
#pragma once

#include "core/errc.hpp"
#include "policies/limits.hpp"

#include <sys/types.h>

#include <array>
#include <atomic>
#include <mutex>
#include <string>
#include <vector>

namespace duende {

/// Where groups of one controller can be made.
struct cgroup_home {
  cgroup_version version = cgroup_version::v2;
  std::string mount;   ///< of the hierarchy
  std::string folder;  ///< below which this node makes its groups; empty: nowhere
  std::string problem; ///< why not, in words that say what to do
};

using cgroup_homes = std::array<cgroup_home, std::size(all_controllers)>; ///< by controller

/// How this process stands in the machine's hierarchies, cgroups(7). `node` names the folder of its groups.
cgroup_homes find_cgroup_homes(const std::string& node);
/// The disks whose bandwidth can be limited.
std::vector<block_device> find_disks();

class limit_alarm;

/// Thread-safe: it remembers nothing but where groups can be, so also a node that came back finds those of the one before.
class cgroups {
public:
  /// Looks for places when the first daemon has limits: that may divide the folder that this process is in.
  explicit cgroups(std::string node) : node_(std::move(node)) {}

  /// For a new life: the daemon's groups are new, unless processes are left in them, and have these limits. Returns their folders, one a line, as a launch_request wants them; empty
  /// where nothing is limited. Errors: spawn_failed "cannot limit memory_bytes: ..." with what to do.
  caf::expected<std::string> prepare(const std::string& daemon, const limits_spec& limits);
  /// Likewise while it runs: processes of the session that `pid` leads and of its groups are moved where they are not yet.
  caf::expected<void> change(const std::string& daemon, const limits_spec& limits, pid_t pid);

  /// Counts that only grow, as long as the groups exist.
  struct counts {
    std::uint64_t oom_kills = 0;     ///< processes that were killed since memory was used up
    std::uint64_t refused_forks = 0; ///< at pids_max
    bool operator==(const counts&) const = default;
  };
  counts read(const std::string& daemon) const;
  /// Holds all processes of the daemon's groups, by the freezer of version 2, else by SIGSTOP to each; or lets them go on.
  void freeze(const std::string& daemon, bool frozen) const;
  /// Has the alarm watch what of these limits the kernel gives notice of; what it gives none of goes unheard.
  void watch(const std::string& daemon, const limits_spec& limits, limit_alarm& alarm, bool fresh) const;

  /// The daemon is forgotten. Groups that hold processes still stay.
  void remove(const std::string& daemon);
  /// Nothing of this node's is left to limit: its empty groups go.
  void clear();

private:
  caf::expected<std::vector<std::string>> set(const std::string& daemon, const limits_spec& limits);
  std::string folder_of(std::size_t controller, const std::string& daemon) const;

  const cgroup_homes& homes() const;

  std::string node_;
  mutable std::once_flag looked_;
  mutable std::atomic<bool> known_ = false;
  mutable cgroup_homes homes_;
};

/// RLIMIT_NOFILE of what runs in the session that `leader` leads; 0: the node's own. Files that are open stay.
caf::expected<void> change_open_files(pid_t leader, std::uint64_t count);

} // namespace duende
