#include "apps/duende/top_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <utility>

namespace duende::cli {
namespace {

struct character {
  char32_t code = 0;
  std::size_t bytes = 1;
  bool valid = false;
};

character next(std::string_view text) {
  auto first = static_cast<unsigned char>(text.front());
  if (first < 0x80)
    return {first, 1, true};
  std::size_t bytes = first >= 0xf0 && first < 0xf5 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (bytes == 0 || first >= 0xf5 || text.size() < bytes)
    return {};
  char32_t code = first & (0xff >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    auto c = static_cast<unsigned char>(text[i]);
    if ((c & 0xc0) != 0x80)
      return {};
    code = code << 6 | (c & 0x3f);
  }
  constexpr std::array<char32_t, 5> least = {0, 0, 0x80, 0x800, 0x10000};
  if (code < least[bytes] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
    return {};
  return {code, bytes, true};
}

bool within(char32_t code, std::span<const std::pair<char32_t, char32_t>> ranges) {
  return std::any_of(
    ranges.begin(), ranges.end(), [code](auto range) { return code >= range.first && code <= range.second; });
}

std::size_t width_of(char32_t code) {
  constexpr std::pair<char32_t, char32_t> none[] = {
    {0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},   {0x610, 0x61a},   {0x64b, 0x65f},   {0x1ab0, 0x1aff},
    {0x1dc0, 0x1dff}, {0x200b, 0x200f}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}};
  constexpr std::pair<char32_t, char32_t> wide[] = {
    {0x1100, 0x115f}, {0x2e80, 0xa4cf},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},  {0xff00, 0xff60},
    {0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1faff}, {0x20000, 0x3fffd}};
  return within(code, none) ? 0 : within(code, wide) ? 2 : 1;
}

/// C0 and C1 controls (a terminal may take U+009B for "ESC ["), line and paragraph ends, changes of direction.
bool harmful(char32_t code) {
  constexpr std::pair<char32_t, char32_t> ranges[] = {
    {0, 0x1f}, {0x7f, 0x9f}, {0x2028, 0x202e}, {0x2066, 0x2069}, {0xe0000, 0xe0fff}};
  return within(code, ranges);
}

/// The length of the escape sequence that `text` (after its ESC) begins with.
std::size_t sequence_length(std::string_view text) {
  if (text.empty())
    return 0;
  if (text.front() == '[') {
    std::size_t end = 1;
    while (end < text.size() && text[end] >= 0x20 && text[end] < 0x40)
      ++end;
    return std::min(text.size(), end + 1);
  }
  if (text.front() == ']') {
    auto end = text.find_first_of("\a\x1b");
    return end == std::string_view::npos ? text.size() : text[end] == '\a' ? end + 1 : std::min(text.size(), end + 2);
  }
  return text.front() >= 0x40 && text.front() < 0x60 ? 1 : 0;
}

} // namespace

std::string harmless(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    auto [code, bytes, valid] = next(text);
    if (valid && code == 0x1b) {
      text.remove_prefix(1);
      text.remove_prefix(sequence_length(text));
      continue;
    }
    if (valid && code == '\t')
      result += "  ";
    else if (!valid || harmful(code))
      result += '?';
    else
      result.append(text.substr(0, bytes));
    text.remove_prefix(bytes);
  }
  return result;
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    auto [code, bytes, valid] = next(text);
    columns += valid ? width_of(code) : 1;
    text.remove_prefix(bytes);
  }
  return columns;
}

std::string clip(std::string_view text, std::size_t width, std::string_view more) {
  if (columns_of(text) <= width)
    return std::string{text};
  if (width == 0)
    return "";
  std::string result;
  std::size_t columns = 0;
  while (!text.empty()) {
    auto [code, bytes, valid] = next(text);
    auto wide = valid ? width_of(code) : 1;
    if (columns + wide + 1 > width)
      break;
    columns += wide;
    result.append(text.substr(0, bytes));
    text.remove_prefix(bytes);
  }
  return result + std::string{more};
}

std::string pad(std::string_view text, std::size_t width, bool right, std::string_view more) {
  auto result = clip(text, width, more);
  std::string blanks(width - std::min(width, columns_of(result)), ' ');
  return right ? blanks + result : result + blanks;
}

std::string sparkline(std::span<const double> values, std::size_t width, double top, bool utf8) {
  constexpr std::array<std::string_view, 8> blocks = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  constexpr std::array<std::string_view, 8> ascii = {"_", ".", ":", "-", "=", "+", "*", "#"};
  if (values.size() > width)
    values = values.last(width);
  std::string result(width - values.size(), ' ');
  for (double value : values) {
    if (std::isnan(value)) {
      result += ' ';
      continue;
    }
    auto share = top > 0 ? std::clamp(value / top, 0.0, 1.0) : 0.0;
    auto level = std::min<std::size_t>(7, static_cast<std::size_t>(share * 8));
    result += utf8 ? blocks[level] : ascii[level];
  }
  return result;
}

std::string short_bytes(double bytes) {
  constexpr std::string_view units = "BKMGTP";
  std::size_t unit = 0;
  for (; bytes >= 999.5 && unit + 1 < units.size(); ++unit)
    bytes /= 1024;
  if (unit == 0 || bytes >= 99.95)
    return fmt::format("{:.0f}{}", bytes, units[unit]);
  return fmt::format("{:.1f}{}", bytes, units[unit]);
}

std::string short_span(double seconds) {
  auto whole = static_cast<std::uint64_t>(std::clamp(seconds, 0.0, 8.0e9));
  if (whole < 60)
    return fmt::format("{}s", whole);
  if (whole < 3600)
    return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  if (whole < 86400)
    return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
  if (whole < 100ULL * 86400)
    return fmt::format("{}d{:02}h", whole / 86400, whole / 3600 % 24);
  return fmt::format("{}d", whole / 86400);
}

} // namespace duende::cli
