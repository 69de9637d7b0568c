// What a process may do at this moment, as the kernel says (proc(5)): whatever was asked for, this is in force.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>

namespace duende {

struct process_rights {
  uid_t user = 0;              ///< effective
  std::uint64_t permitted = 0; ///< capabilities
  std::uint64_t bounding = 0;  ///< those that an exec can give
  bool no_new_privileges = false;
  bool calls_filtered = false; ///< seccomp
  std::uint64_t locked_bytes = 0;
  std::optional<bool> own_network; ///< another network namespace than ours; none where we may not look
};

/// None where there is no such process. Thread-safe.
std::optional<process_rights> read_rights(pid_t pid);

/// The text of /proc/PID/status; `own_network` stays empty. None where it is cut short.
std::optional<process_rights> parse_rights(std::string_view status);

} // namespace duende
