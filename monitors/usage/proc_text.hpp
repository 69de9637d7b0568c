// The small files of /proc (proc(5)) and of cgroups (cgroups(7)) as text. Nothing here allocates; all is thread-safe.
#pragma once

#include "core/time.hpp"

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>

namespace duende {

/// The fields of /proc/PID/stat that are of use here.
struct proc_stat {
  std::string_view command; ///< without the parentheses; may hold any byte
  char state = '?';
  pid_t parent = 0;
  std::uint64_t major_faults = 0;
  std::uint64_t user_ticks = 0, system_ticks = 0;
  std::uint64_t threads = 0;
  std::uint64_t start_time = 0;
  std::uint64_t resident_pages = 0;
};

/// Parses the text of /proc/PID/stat; `command` points into it. None where it is cut short or malformed.
std::optional<proc_stat> parse_proc_stat(std::string_view text);

/// /proc/PID/statm, in pages.
struct proc_memory {
  std::uint64_t total = 0, resident = 0, shared = 0;
};
std::optional<proc_memory> parse_proc_memory(std::string_view text);

/// /proc/PID/io: what storage had to deliver and to take.
struct proc_io {
  std::uint64_t read_bytes = 0, written_bytes = 0;
};
std::optional<proc_io> parse_proc_io(std::string_view text);

/// /proc/PID/schedstat, of the main thread.
struct proc_schedule {
  std::uint64_t run_ns = 0, wait_ns = 0; ///< on a core; ready and waiting for one
  std::uint64_t slices = 0;              ///< times it was put on a core
};
std::optional<proc_schedule> parse_proc_schedule(std::string_view text);

/// One kind of pressure (PSI): per cent of the time in which some task, or all of them, waited for the resource.
struct pressure {
  double some_10s = 0, some_60s = 0, some_300s = 0;
  double full_10s = 0, full_60s = 0, full_300s = 0;
  std::uint64_t some_us = 0, full_us = 0; ///< in all
};
/// None where the text is malformed. A missing line of "full" (old kernels, cpu) stays 0.
std::optional<pressure> parse_pressure(std::string_view text);

/// The number behind `key` where a line begins with it: "usage_usec 17" or "Rss:   17 kB".
std::optional<std::uint64_t> number_after(std::string_view text, std::string_view key);
/// A text that is one number and an end of line; none for "max".
std::optional<std::uint64_t> whole_number(std::string_view text);

duration from_clock_ticks(std::uint64_t ticks);
/// Clock ticks since boot: what a process that began now would have as its start_time.
std::uint64_t clock_ticks_now();

} // namespace duende
