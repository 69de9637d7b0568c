// Which process: boot, pid and start time. A pid alone comes back for another process.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>

namespace duende {

/// The kernel's id of this boot as text, e.g. "0ddfd9ab-..."; empty where /proc does not tell.
std::array<char, 40> boot_id();

struct process_facts {
  std::uint64_t start_time = 0; ///< /proc/PID/stat field 22: clock ticks since boot
  pid_t parent = 0;
  pid_t group = 0;
  char state = 0; ///< 'R', 'S', 'Z', ...
};

/// Reads /proc/PID/stat (proc(5)). False where there is no such process.
bool read_process(pid_t pid, process_facts& out);

/// That very process is there and not a zombie.
bool alive(pid_t pid, std::uint64_t start_time);

/// The start time of a process created between two readings of CLOCK_BOOTTIME (ns), where both fall into one clock tick; 0 otherwise.
/// Saves reading /proc, which costs more than the rest of a launch's bookkeeping.
std::uint64_t start_time_between(std::uint64_t before, std::uint64_t after);
/// CLOCK_BOOTTIME in nanoseconds.
std::uint64_t boottime();
/// A start time as CLOCK_MONOTONIC has it, in nanoseconds: exact to a clock tick, and to the last suspend of the machine.
std::uint64_t monotonic_of(std::uint64_t start_time);

} // namespace duende
