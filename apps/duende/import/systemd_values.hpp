// Values as systemd writes them. Sources: systemd.syntax(7), systemd.time(7), systemd.exec(5), systemd.unit(5).
#pragma once

#include "core/time.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace duende::porting {

/// Quoted words with C escapes taken apart. False for an open quote.
bool split_systemd(std::string_view text, std::vector<std::string>& words);

/// "5min 20s", "250ms", "1.5h"; a bare number is of seconds. None where it is none of these; `infinite` for "infinity".
std::optional<duration> parse_span(std::string_view text, bool& infinite);

/// "512M", "2G": powers of 1024. None for "infinity", percentages and nonsense.
std::optional<std::uint64_t> parse_systemd_size(std::string_view text);

std::optional<bool> parse_systemd_boolean(std::string_view text);

/// Words of a command line to what runs it: itself, or a shell where it uses $VARIABLES, which systemd expands and duende does not.
std::vector<std::string> without_variables(const std::vector<std::string>& words);

/// What %x stands for in a unit. The key is the letter.
using specifiers = std::map<char, std::string>;
/// The specifiers of the unit of that file name.
specifiers specifiers_of(std::string_view unit, std::string_view host_name);
/// `text` with its specifiers replaced; unknown ones stay and their letters go to `unknown`.
std::string expand_specifiers(std::string_view text, const specifiers& known, std::string& unknown);

} // namespace duende::porting
