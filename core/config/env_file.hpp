// Files of KEY=VALUE lines.
#pragma once

#include "core/config/context.hpp"

#include <map>
#include <string>
#include <string_view>

namespace duende::config {

/// One variable per line: [export] KEY=VALUE. Lines that begin with # and empty ones are skipped. A bare value ends at " #";
/// '...' is taken as it is, "..." knows \n \t \r \" \\ \$; nothing is expanded. The later of two equal keys wins.
/// Faults go to `errors` under the name `file`.
std::map<std::string, std::string> parse_env(std::string_view text, std::string_view file, error_list& errors);

} // namespace duende::config
