// One look at one process: plain numbers, so that a ring of them needs no memory beside its own.
#pragma once

#include "core/time.hpp"

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace duende {

/// Stands for a figure that is not known: the kernel lacks it, or we may not look.
inline constexpr std::uint64_t unknown_figure = UINT64_MAX;
inline constexpr std::uint32_t unknown_count = UINT32_MAX;

inline std::optional<std::uint64_t> known(std::uint64_t x) {
  return x == unknown_figure ? std::nullopt : std::optional{x};
}
inline std::optional<std::uint32_t> known(std::uint32_t x) {
  return x == unknown_count ? std::nullopt : std::optional{x};
}

/// Of the cgroup that a process does not share with the node.
struct cgroup_sample {
  std::uint64_t memory_bytes = unknown_figure;
  std::uint64_t cpu_ns = unknown_figure;
  std::uint32_t pids = unknown_count;
  /// Per cent of the last 10 s in which a task waited for it; negative: not known (cgroup v1, no PSI).
  float cpu_pressure = -1, memory_pressure = -1, io_pressure = -1;
};

struct process_sample {
  instant at{};
  wall_time wall{};
  std::uint64_t start_time = 0; ///< clock ticks since boot: with the pid the identity of the process
  pid_t pid = 0;
  char state = '?';                         ///< as in /proc/PID/stat
  bool in_cgroup = false;                   ///< `cgroup` says something
  std::uint64_t cpu_ns = 0;                 ///< of all its threads, those that have ended included; exact
  std::uint64_t user_ns = 0, system_ns = 0; ///< in steps of a clock tick
  std::uint64_t resident_bytes = 0, virtual_bytes = 0;
  std::uint64_t read_bytes = unknown_figure, written_bytes = unknown_figure; ///< from and to storage
  std::uint64_t major_faults = 0;
  std::uint64_t switches = unknown_figure; ///< times the main thread was put on a core
  std::uint64_t wait_ns = unknown_figure;  ///< that it was ready and waited for one
  std::uint32_t threads = 0;
  std::uint32_t open_fds = unknown_count;
  std::uint32_t children = unknown_count; ///< direct ones
  cgroup_sample cgroup;

  bool same_process(const process_sample& other) const { return pid == other.pid && start_time == other.start_time; }
};

/// 100 = one core. None where the two are not of the same process, or of the same moment.
inline std::optional<double> cpu_percent(const process_sample& before, const process_sample& now) {
  if (!now.same_process(before) || now.at <= before.at || now.cpu_ns < before.cpu_ns)
    return std::nullopt;
  return 100.0 * static_cast<double>(now.cpu_ns - before.cpu_ns) / static_cast<double>((now.at - before.at).count());
}

} // namespace duende
