#include "actors/api/usage.hpp"

#include "monitors/usage/usage.hpp"

#include <time.h>
#include <unistd.h>

namespace duende::api {

/// CPU time over the life of the process, as ps(1) has it: needs no second look and no memory of a first one.
usage_figures usage_of(const daemon_status& daemon) {
  if (daemon.pid <= 0)
    return {};
  auto now = read_usage(daemon.pid);
  if (!now)
    return {};
  timespec since_boot{};
  clock_gettime(CLOCK_BOOTTIME, &since_boot);
  auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  auto age = static_cast<double>(since_boot.tv_sec) + static_cast<double>(since_boot.tv_nsec) * 1e-9
             - static_cast<double>(now->start_time) / ticks;
  auto used = std::chrono::duration<double>(now->user + now->system).count();
  return {age > 0.01 ? std::optional{100.0 * used / age} : std::nullopt, used, now->resident_bytes};
}

} // namespace duende::api
