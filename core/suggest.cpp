#include "core/suggest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace duende {
namespace {

constexpr std::size_t longest_name = 64;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

} // namespace

std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit) {
  auto shorter = std::min(a.size(), b.size()), longer = std::max(a.size(), b.size());
  if (longer - shorter > limit || longer > longest_name)
    return a == b ? 0 : limit + 1;
  // Three rows of the matrix: a swap looks two rows back.
  std::size_t rows[3][longest_name + 1];
  std::iota(rows[0], rows[0] + b.size() + 1, std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto* row = rows[i % 3];
    const auto* above = rows[(i + 2) % 3];
    const auto* two_above = rows[(i + 1) % 3];
    row[0] = i;
    auto best = row[0];
    for (std::size_t j = 1; j <= b.size(); ++j) {
      auto replaced = above[j - 1] + (lower(a[i - 1]) != lower(b[j - 1]));
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]))
        row[j] = std::min(row[j], two_above[j - 2] + 1);
      best = std::min(best, row[j]);
    }
    if (best > limit + 1)
      return limit + 1;
  }
  return std::min(rows[a.size() % 3][b.size()], limit + 1);
}

std::string_view nearest(std::string_view name, std::span<const std::string_view> candidates) {
  // One slip in three letters still is the same word.
  auto limit = std::min<std::size_t>(3, (name.size() + 1) / 3);
  std::string_view best;
  for (auto candidate : candidates) {
    auto distance = edit_distance(name, candidate, limit);
    if (distance > limit || candidate.empty())
      continue;
    best = candidate;
    if (distance == 0)
      break;
    limit = distance - 1;
  }
  return best;
}

std::string did_you_mean(std::string_view name, std::span<const std::string_view> candidates) {
  auto found = nearest(name, candidates);
  return found.empty() ? "" : fmt::format("; did you mean '{}'?", found);
}

std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates) {
  std::vector<std::string_view> views(candidates.begin(), candidates.end());
  return did_you_mean(name, views);
}

} // namespace duende
