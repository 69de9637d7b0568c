// What a sandbox means to the kernel: masks, paths and a filter program, ready for the keeper's child to apply.
#pragma once

#include "core/spec.hpp"
#include "policies/confinement_part.hpp"

#include <caf/expected.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace duende {

/// A file, or a folder and what is below it, and what may be done there: LANDLOCK_ACCESS_FS_* of landlock(7).
struct path_rights {
  std::string path;
  std::uint64_t rights = 0;
  bool operator==(const path_rights&) const = default;
};

struct confinement {
  std::uint32_t parts = 0;
  std::uint32_t optional = 0; ///< of these, where the kernel lacks them the start goes on; locked memory too
  std::uint64_t capabilities = 0;
  std::uint64_t restricted =
    0; ///< rights that are refused but below `paths`; those that the kernel does not know are taken off
  std::vector<path_rights> paths;
  std::shared_ptr<const std::string> filter; ///< struct sock_filter[], see policies/seccomp.hpp
  bool names_calls = false;                  ///< the filter kills, and somebody should learn for which call
};

/// Null where the daemon has no sandbox. Errors: unsupported, where libseccomp is missing; invalid_config, where a filter can't be
/// made. Loads libseccomp where there is a filter.
caf::expected<std::shared_ptr<const confinement>> confinement_of(const daemon_spec& spec);

/// The rights to read and execute, and those to write, of all kernels' versions.
extern const std::uint64_t landlock_read_rights, landlock_write_rights;

} // namespace duende
