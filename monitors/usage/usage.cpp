#include "monitors/usage/usage.hpp"

#include "monitors/usage/proc_dir.hpp"
#include "monitors/usage/proc_text.hpp"

#include <array>

namespace duende {
namespace {

/// The exact figure; statm's counters are kept per thread and folded in late.
std::optional<std::uint64_t> exact_resident(int dir) {
  std::array<char, 1024> buffer;
  const auto kilobytes = number_after(read_small(dir, "smaps_rollup", buffer), "Rss:");
  return kilobytes ? std::optional{*kilobytes * 1024} : std::nullopt;
}

} // namespace

std::optional<process_usage_now> read_usage(pid_t pid) {
  // All is read through this descriptor: a pid that is given anew meanwhile does not mix two processes.
  const auto dir = open_process(pid);
  if (!dir)
    return std::nullopt;
  std::array<char, 1024> buffer;
  const auto stat = parse_proc_stat(read_small(dir.fd(), "stat", buffer));
  if (!stat || stat->state == 'Z' || stat->state == 'X')
    return std::nullopt;
  process_usage_now usage;
  usage.user = from_clock_ticks(stat->user_ticks);
  usage.system = from_clock_ticks(stat->system_ticks);
  usage.threads = static_cast<std::uint32_t>(stat->threads);
  usage.start_time = stat->start_time;
  static const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  usage.resident_bytes = exact_resident(dir.fd()).value_or(stat->resident_pages * page);
  if (const auto io = parse_proc_io(read_small(dir.fd(), "io", buffer))) {
    usage.read_bytes = io->read_bytes;
    usage.written_bytes = io->written_bytes;
  }
  usage.open_fds = count_descriptors(dir.fd());
  usage.children = count_children(dir.fd());
  return usage;
}

} // namespace duende
