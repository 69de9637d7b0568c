// What one process uses at this moment, read from /proc (proc(5)).
#pragma once

#include "core/time.hpp"
#include "monitors/usage/proc_text.hpp"

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace duende {

/// The kernel's own figures for a process, its threads included, its children not.
struct process_usage_now {
  duration user{}, system{}; ///< CPU time, in steps of a clock tick (10 ms as a rule)
  std::uint64_t resident_bytes =
    0; ///< Rss of smaps_rollup where it may be read, else of statm (which may lag by some pages a thread)
  std::uint32_t threads = 0;
  std::uint64_t start_time = 0;          ///< clock ticks since boot: with the pid the identity of the process
  std::optional<std::uint32_t> open_fds; ///< none where we may not look (another user's process)
  std::optional<std::uint32_t> children; ///< direct ones; none where the kernel does not tell
  std::optional<std::uint64_t> read_bytes, written_bytes; ///< from and to storage; none where we may not look
};

/// Reads it all. None where there is no such process, or only a zombie is left of it. Thread-safe; no allocation of its own.
std::optional<process_usage_now> read_usage(pid_t pid);

} // namespace duende
