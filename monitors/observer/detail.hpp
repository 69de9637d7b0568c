// What costs too much to be read with every sample, and so is read when somebody asks.
#pragma once

#include "monitors/usage/proc_text.hpp"

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace duende {

/// /proc/PID/smaps_rollup: the kernel walks all of the process's memory for it.
struct memory_detail {
  std::uint64_t resident_bytes = 0;
  std::uint64_t proportional_bytes = 0; ///< PSS: shared pages count by their share
  std::uint64_t private_bytes = 0;      ///< what ending the process would free
  std::uint64_t swap_bytes = 0;
};
/// None where the process has ended (or its number is another's now), or we may not look.
std::optional<memory_detail> read_memory_detail(pid_t pid, std::uint64_t start_time);

struct tree_process {
  pid_t pid = 0, parent = 0;
  std::uint32_t depth = 0; ///< 0: the process itself
  std::string command;
  std::uint32_t threads = 0;
  std::uint64_t resident_bytes = 0;
  duration cpu{};
};
/// So many processes are listed at the most.
inline constexpr std::size_t most_in_tree = 4096;
/// The process and all below it, each after its parent. Processes that come and go meanwhile may or may not be among them. Empty
/// where the process has ended.
std::vector<tree_process> read_tree(pid_t pid, std::uint64_t start_time);

struct all_pressure {
  std::optional<pressure> cpu, memory, io;
};
/// Of the whole machine; none in kernels without PSI.
all_pressure read_machine_pressure();

} // namespace duende
