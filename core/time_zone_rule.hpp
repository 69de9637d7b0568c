// The rule at the end of a file of the tz database: which offset a year to come has when.
#pragma once

#include "core/time_zone.hpp"

namespace duende {

/// None where the text is no such rule.
std::optional<zone_rule> parse_zone_rule(std::string_view text);
/// Seconds east of UTC, `at` in seconds since 1970 UTC.
std::int32_t offset_by(const zone_rule& rule, std::int64_t at);

} // namespace duende
