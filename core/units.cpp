#include "core/units.hpp"

#include "core/errc.hpp"

#include <array>
#include <limits>
#include <optional>

namespace duende {
namespace {

using wide = unsigned __int128;

struct unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::uint64_t kilo = 1000, kibi = 1024;
constexpr auto size_units = std::to_array<unit>(
  {{"", 1},
   {"B", 1},
   {"K", kibi},
   {"M", kibi* kibi},
   {"G", kibi* kibi* kibi},
   {"T", kibi* kibi* kibi* kibi},
   {"KiB", kibi},
   {"MiB", kibi* kibi},
   {"GiB", kibi* kibi* kibi},
   {"TiB", kibi* kibi* kibi* kibi},
   {"KB", kilo},
   {"MB", kilo* kilo},
   {"GB", kilo* kilo* kilo},
   {"TB", kilo* kilo* kilo* kilo}});

// From large to small, the order in which the parts of a duration come.
constexpr auto time_units = std::to_array<unit>(
  {{"d", 86'400'000'000'000},
   {"h", 3'600'000'000'000},
   {"m", 60'000'000'000},
   {"s", 1'000'000'000},
   {"ms", 1'000'000},
   {"us", 1'000},
   {"ns", 1}});

constexpr std::uint64_t longest = 36'525ull * 86'400'000'000'000; // 100 years

bool digit(char c) { return c >= '0' && c <= '9'; }

/// A decimal number split at its point; `scale` is 10 to the number of its decimals.
struct decimal {
  std::uint64_t whole = 0, fraction = 0, scale = 1;

  wide times(std::uint64_t factor) const { return wide{whole} * factor + wide{fraction} * factor / scale; }
};

std::optional<decimal> take_decimal(std::string_view& text) {
  decimal result;
  std::size_t i = 0;
  for (; i < text.size() && digit(text[i]); ++i) {
    auto next = wide{result.whole} * 10 + static_cast<std::uint64_t>(text[i] - '0');
    if (next > std::numeric_limits<std::uint64_t>::max())
      return std::nullopt;
    result.whole = static_cast<std::uint64_t>(next);
  }
  if (i == 0)
    return std::nullopt;
  if (i < text.size() && text[i] == '.') {
    auto first = ++i;
    for (; i < text.size() && digit(text[i]); ++i) {
      if (i - first == 15)
        return std::nullopt;
      result.fraction = result.fraction * 10 + static_cast<std::uint64_t>(text[i] - '0');
      result.scale *= 10;
    }
    if (i == first)
      return std::nullopt;
  }
  text.remove_prefix(i);
  return result;
}

/// For quoting in errors: what came from outside may be long.
std::string_view shown(std::string_view text) { return text.substr(0, 64); }

caf::error bad_size(std::string_view text) {
  return fail(
    errc::invalid_config,
    "'{}' is no size; write bytes or a number with a unit: 65536, \"64KiB\", \"512MiB\", \"1.5GiB\", \"1GB\"",
    shown(text));
}

caf::error bad_duration(std::string_view text) {
  return fail(
    errc::invalid_config, "'{}' is no duration; write numbers with units: \"250ms\", \"30s\", \"5m\", \"1h30m\"",
    shown(text));
}

/// "12.5" for 12.49 of `decimals` 1: no trailing zeros.
std::string trimmed(double value) {
  auto decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  auto text = fmt::format("{:.{}f}", value, decimals);
  if (text.find('.') != std::string::npos) {
    while (text.back() == '0')
      text.pop_back();
    if (text.back() == '.')
      text.pop_back();
  }
  return text;
}

std::uint64_t magnitude(duration value) {
  auto count = value.count();
  return count < 0 ? 0 - static_cast<std::uint64_t>(count) : static_cast<std::uint64_t>(count);
}

} // namespace

caf::expected<std::uint64_t> parse_bytes(std::string_view text) {
  auto rest = text;
  auto number = take_decimal(rest);
  if (!number)
    return bad_size(text);
  for (const auto& [name, factor] : size_units) {
    if (rest != name)
      continue;
    auto bytes = number->times(factor);
    if (bytes > std::numeric_limits<std::uint64_t>::max() || (factor == 1 && number->scale != 1))
      return bad_size(text);
    return static_cast<std::uint64_t>(bytes);
  }
  return bad_size(text);
}

caf::expected<duration> parse_duration(std::string_view text) {
  if (text == "0")
    return duration{0};
  auto rest = text;
  wide sum = 0;
  std::size_t next = 0; // the first unit that may still come
  do {
    auto number = take_decimal(rest);
    if (!number)
      return bad_duration(text);
    std::size_t letters = 0;
    while (letters < rest.size() && rest[letters] >= 'a' && rest[letters] <= 'z')
      ++letters;
    auto name = rest.substr(0, letters);
    rest.remove_prefix(letters);
    while (next < time_units.size() && time_units[next].name != name)
      ++next;
    if (next == time_units.size())
      return bad_duration(text);
    sum += number->times(time_units[next++].factor);
    if (sum > longest)
      return fail(errc::invalid_config, "'{}' is too long a duration; the most is 100 years", shown(text));
  } while (!rest.empty());
  return duration{static_cast<std::int64_t>(sum)};
}

std::string format_bytes(std::uint64_t bytes) {
  constexpr auto names = std::to_array<std::string_view>({"B", "KiB", "MiB", "GiB", "TiB"});
  std::size_t i = 0;
  for (; bytes != 0 && bytes % kibi == 0 && i + 1 < names.size(); ++i)
    bytes /= kibi;
  return fmt::format("{}{}", bytes, names[i]);
}

std::string human_bytes(std::uint64_t bytes) {
  constexpr auto names = std::to_array<std::string_view>({"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"});
  auto value = static_cast<double>(bytes);
  std::size_t i = 0;
  for (; value >= 999.5 && i + 1 < names.size(); ++i)
    value /= kibi;
  return fmt::format("{} {}", trimmed(value), names[i]);
}

std::string format_duration(duration value) {
  auto rest = magnitude(value);
  std::string result = value.count() < 0 ? "-" : "";
  for (const auto& [name, factor] : time_units) {
    if (auto count = rest / factor; count != 0)
      result += fmt::format("{}{}", count, name);
    rest %= factor;
  }
  return value.count() == 0 ? "0s" : result;
}

std::string human_duration(duration value) {
  auto total = magnitude(value);
  std::string sign = value.count() < 0 ? "-" : "";
  if (total == 0)
    return "0s";
  if (total < 59'950'000'000) {
    // The largest unit whose number still rounds to at least 1 and below 1000 of the unit beneath it.
    for (std::size_t i = 3; i < time_units.size(); ++i)
      if (auto amount = static_cast<double>(total) / static_cast<double>(time_units[i].factor); amount >= 0.9995)
        return fmt::format("{}{}{}", sign, trimmed(amount), time_units[i].name);
  }
  auto seconds = (total + 500'000'000) / 1'000'000'000;
  auto two = [&](std::uint64_t large, std::uint64_t small, std::size_t at) {
    auto first = fmt::format("{}{}{}", sign, large, time_units[at].name);
    return small == 0 ? first : fmt::format("{} {}{}", first, small, time_units[at + 1].name);
  };
  if (seconds < 3600)
    return two(seconds / 60, seconds % 60, 2);
  if (seconds < 86'400)
    return two(seconds / 3600, seconds % 3600 / 60, 1);
  return two(seconds / 86'400, seconds % 86'400 / 3600, 0);
}

} // namespace duende
