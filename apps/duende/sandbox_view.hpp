// A daemon's sandbox in words.
#pragma once

#include "apps/duende/show.hpp"

#include <string>
#include <vector>

namespace duende::cli {

/// "35 of 100: as user 0, 38 capabilities, seccomp off, ..."; empty where the node tells of none.
std::string sandbox_line(const json& daemon);
/// What to do next, the most useful first: "+20  user = \"NAME\": ...".
std::vector<std::string> sandbox_steps(const json& daemon);

} // namespace duende::cli
