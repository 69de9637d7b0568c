// Clocks and their printed form. Policies take these as parameters and never read a clock.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace duende {

using duration = std::chrono::nanoseconds;
/// Monotonic: delays, windows, time-outs. Shared by all processes of one boot.
using instant = std::chrono::time_point<std::chrono::steady_clock, duration>;
/// Wall clock: what is shown and stored.
using wall_time = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

wall_time wall_now();
inline instant monotonic_now() { return std::chrono::steady_clock::now(); }

/// RFC 3339 in UTC with milliseconds: 2026-01-31T12:00:00.123Z
std::string to_rfc3339(wall_time at);
/// Reads RFC 3339 (any offset, fraction optional); nothing else.
std::optional<wall_time> parse_rfc3339(std::string_view text);

} // namespace duende
