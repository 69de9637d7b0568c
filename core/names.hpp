// Names of nodes, supervisors and daemons.
#pragma once

#include <caf/expected.hpp>

#include <cstddef>
#include <string_view>

namespace duende {

inline constexpr std::size_t max_name_bytes = 64;

/// 1 to 64 characters of A-Z a-z 0-9 . _ - with a letter or digit first: safe as a file name, in a URL and on a command line.
bool valid_name(std::string_view name);

/// Nothing, or invalid_config "'a b' is no name: ...".
caf::expected<void> check_name(std::string_view name);

} // namespace duende
