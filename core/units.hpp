// Sizes and durations as people write them.
#pragma once

#include "core/time.hpp"

#include <caf/expected.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace duende {

/// Reads a size: digits and an optional unit, of 1000 (KB, MB, GB, TB) or 1024 (K, M, G, T, KiB, MiB, GiB, TiB), B alone, or none.
/// One decimal fraction is allowed ("1.5GiB"). Errors: invalid_config with the offending text and the accepted forms.
caf::expected<std::uint64_t> parse_bytes(std::string_view text);

/// Reads a duration: one or more of NUMBER(ns|us|ms|s|m|h|d) from large to small ("1h30m", "250ms", "1.5s"), or "0".
/// Errors: invalid_config with the offending text and the accepted forms; negative and over 100 years are refused.
caf::expected<duration> parse_duration(std::string_view text);

/// The shortest exact form in units of 1024: 67108864 -> "64MiB", 1500 -> "1500B".
std::string format_bytes(std::uint64_t bytes);
/// For people, three significant digits: "12.5 MiB".
std::string human_bytes(std::uint64_t bytes);
/// The exact form that parse_duration reads back: "1h30m", "250ms", "0s".
std::string format_duration(duration value);
/// For people, two units at the most: "3m 12s", "12.5s", "250ms".
std::string human_duration(duration value);

} // namespace duende
