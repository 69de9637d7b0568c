#include "core/time.hpp"

#include <fmt/format.h>

namespace duende {
namespace {

namespace ch = std::chrono;

/// Takes `digits` decimal digits off the front of `text`.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits)
    return std::nullopt;
  int value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9')
      return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos)
    return false;
  text.remove_prefix(1);
  return true;
}

/// Milliseconds of ".123456"; digits past the third are cut off.
std::optional<int> take_fraction(std::string_view& text) {
  int value = 0, digits = 0;
  for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; ++digits, text.remove_prefix(1))
    if (digits < 3)
      value = value * 10 + (text.front() - '0');
  if (digits == 0)
    return std::nullopt;
  for (; digits < 3; ++digits)
    value *= 10;
  return value;
}

std::optional<ch::minutes> take_offset(std::string_view& text) {
  if (take(text, "Zz"))
    return ch::minutes{0};
  bool behind = !text.empty() && text.front() == '-';
  if (!take(text, "+-"))
    return std::nullopt;
  auto hours = take_number(text, 2);
  if (!hours || *hours > 23 || !take(text, ":"))
    return std::nullopt;
  auto minutes = take_number(text, 2);
  if (!minutes || *minutes > 59)
    return std::nullopt;
  ch::minutes offset{*hours * 60 + *minutes};
  return behind ? -offset : offset;
}

} // namespace

wall_time wall_now() { return ch::floor<ch::milliseconds>(ch::system_clock::now()); }

std::string to_rfc3339(wall_time at) {
  auto day = ch::floor<ch::days>(at);
  ch::year_month_day date{day};
  ch::hh_mm_ss time{at - day};
  return fmt::format(
    "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
    static_cast<unsigned>(date.day()), time.hours().count(), time.minutes().count(), time.seconds().count(),
    time.subseconds().count());
}

std::optional<wall_time> parse_rfc3339(std::string_view text) {
  auto year = take_number(text, 4);
  if (!year || !take(text, "-"))
    return std::nullopt;
  auto month = take_number(text, 2);
  if (!month || !take(text, "-"))
    return std::nullopt;
  auto day = take_number(text, 2);
  if (!day || !take(text, "Tt"))
    return std::nullopt;
  auto hour = take_number(text, 2);
  if (!hour || *hour > 23 || !take(text, ":"))
    return std::nullopt;
  auto minute = take_number(text, 2);
  if (!minute || *minute > 59 || !take(text, ":"))
    return std::nullopt;
  auto second = take_number(text, 2); // 60 is a leap second; it reads as the second after it
  if (!second || *second > 60)
    return std::nullopt;
  int milliseconds = 0;
  if (take(text, ".")) {
    auto fraction = take_fraction(text);
    if (!fraction)
      return std::nullopt;
    milliseconds = *fraction;
  }
  auto offset = take_offset(text);
  ch::year_month_day date{
    ch::year{*year}, ch::month{static_cast<unsigned>(*month)}, ch::day{static_cast<unsigned>(*day)}};
  if (!offset || !text.empty() || !date.ok())
    return std::nullopt;
  return ch::sys_days{date} + ch::hours{*hour} + ch::minutes{*minute} + ch::seconds{*second}
         + ch::milliseconds{milliseconds} - *offset;
}

} // namespace duende
