// Splits a command line into words as a POSIX shell does, without being one.
#pragma once

#include <caf/expected.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace duende {

inline constexpr std::size_t max_command_bytes = 128u << 10;
inline constexpr std::size_t max_command_words = 4096;

/// Blanks and newlines separate words; '...', "..." and backslash quote; # at the start of a word comments to the end of the line.
/// What only a shell can do (globs, variables, pipes, lists, redirections, substitutions) is an error unless quoted.
/// Errors: invalid_config with the column in the sentence; limit_reached.
/// Source: POSIX.1-2017, Shell Command Language, 2.2 Quoting and 2.3 Token Recognition.
caf::expected<std::vector<std::string>> split_words(std::string_view text);

/// The words as one line that split_words and a shell read back equal.
std::string join_words(const std::vector<std::string>& words);

} // namespace duende
