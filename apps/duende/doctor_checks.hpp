// What this machine can and cannot do, one finding per line of `duende doctor`.
#pragma once

#include "apps/duende/context.hpp"

#include <string>
#include <vector>

namespace duende::cli {

enum class verdict {
  fine,    ///< works
  limited, ///< works in part, or only something optional is missing
  bad,     ///< duende can't do its work without it
};

struct finding {
  std::string area; ///< "kernel", "cgroups", ...
  std::string name;
  verdict how = verdict::fine;
  std::string text; ///< what was found, and the cause where it is not fine
  std::string fix;  ///< what to do about it; empty where there is nothing to do
};

/// Asks the kernel and the file system; changes nothing that stays. Takes well under a second, waits for nobody.
std::vector<finding> examine(const context& c);

/// Whether anything has that path.
bool path_exists(const std::string& path);

// The parts of it.
void examine_kernel(std::vector<finding>& to);
void examine_cgroups(std::vector<finding>& to);
void examine_sandboxes(std::vector<finding>& to);
void examine_backends(std::vector<finding>& to);
void examine_limits(std::vector<finding>& to);
void examine_places(std::vector<finding>& to, const context& c);
void examine_daemons(std::vector<finding>& to, const context& c);

} // namespace duende::cli
