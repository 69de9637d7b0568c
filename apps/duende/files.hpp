// Configuration files as the command line names them.
#pragma once

#include "core/config/load.hpp"

#include <string>
#include <vector>

namespace duende::cli {

/// `file` from the working directory on.
std::string absolute_file(const std::string& file);
/// One line each on stderr.
void print_config_errors(const std::vector<config_error>& errors);

} // namespace duende::cli
