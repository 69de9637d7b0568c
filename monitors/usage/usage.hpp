// What one process uses at this moment, read from /proc (proc(5)).
#pragma once

#include "core/time.hpp"

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>

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
};

/// Reads it all. None where there is no such process, or only a zombie is left of it. Thread-safe; no allocation of its own.
std::optional<process_usage_now> read_usage(pid_t pid);

/// The fields of /proc/PID/stat that are of use here.
struct proc_stat {
  std::string_view command; ///< without the parentheses; may hold any byte
  char state = '?';
  pid_t parent = 0;
  std::uint64_t user_ticks = 0, system_ticks = 0;
  std::uint64_t threads = 0;
  std::uint64_t start_time = 0;
  std::uint64_t resident_pages = 0;
};

/// Parses the text of /proc/PID/stat; `command` points into it. None where it is cut short or malformed.
std::optional<proc_stat> parse_proc_stat(std::string_view text);

} // namespace duende
