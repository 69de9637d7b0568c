// "Did you mean": the nearest of the names there are.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace duende {

/// Damerau-Levenshtein distance (insert, delete, replace, swap neighbours), or `limit` + 1 where it is more than `limit`.
/// Case counts as no difference.
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit);

/// The candidate nearest to `name`, where it is near enough to be what was meant; else empty. The first of equals.
std::string_view nearest(std::string_view name, std::span<const std::string_view> candidates);

/// "; did you mean 'port'?", or empty.
std::string did_you_mean(std::string_view name, std::span<const std::string_view> candidates);
std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates);

} // namespace duende
