// Reading the files of a configuration: bounded, and never waiting for a pipe or a device.
#pragma once

#include <caf/expected.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace duende::config {

/// The bytes of a regular file of at most max_config_bytes. Errors: io_failure "cannot read 'x': No such file or directory";
/// limit_reached.
caf::expected<std::string> read_file(const std::string& path);

/// Device and inode, to tell one file under two names. Empty where it can't be looked at.
std::string identity_of(const std::string& path);

/// Paths that match, sorted; empty for none. A path without glob characters is returned as it is.
std::vector<std::string> expand_glob(const std::string& pattern);
bool has_glob(std::string_view path);

/// Up to its last slash; absolute, so below the current folder where `path` is relative.
std::string folder_of(const std::string& path);

bool valid_utf8(std::string_view text);

} // namespace duende::config
