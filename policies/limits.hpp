// What limits mean to the kernel: which file of a control group is given which text.
#pragma once

#include "core/spec_policies.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace duende {

enum class cgroup_version : std::uint8_t { v1, v2 };

/// The controllers that limits may need, by their names of version 2.
enum class cgroup_controller : std::uint8_t { memory, cpu, io, pids };
inline constexpr cgroup_controller all_controllers[] = {
  cgroup_controller::memory, cgroup_controller::cpu, cgroup_controller::io, cgroup_controller::pids};

/// "memory", "cpu", "io" or "blkio", "pids".
std::string_view to_string(cgroup_controller x, cgroup_version version);

struct block_device {
  unsigned major = 0, minor = 0;
  bool operator==(const block_device&) const = default;
};

/// `value` goes into `file` of the daemon's group.
struct cgroup_write {
  std::string_view key; ///< of [daemon.resources]
  std::string file;
  std::string value;
  bool optional = false; ///< it lifts a limit: where the kernel has no such file there is none
  bool operator==(const cgroup_write&) const = default;
};

/// Whether that controller has something to do.
bool needs(const limits_spec& limits, cgroup_controller which);
bool needs_cgroup(const limits_spec& limits);

/// Everything that the controller is told, also what is not limited: the group may have been used before. In an order in which
/// the kernel takes it, mostly: a limit of memory and swap may never be lower than that of memory, so who writes them tries
/// those again that were refused, after the others. Source: the kernel's admin-guide/cgroup-v2.rst and cgroup-v1/.
std::vector<cgroup_write> cgroup_writes(
  const limits_spec& limits, cgroup_controller which, cgroup_version version, std::span<const block_device> disks);

/// The number after `key` in "low 0\nhigh 0\nmax 3\noom_kill 1\n"; 0 where there is none.
std::uint64_t counter_in(std::string_view text, std::string_view key);

} // namespace duende
