#include "monitors/usage/proc_text.hpp"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace duende {
namespace {

constexpr std::string_view blanks = " \t\n";

std::string_view next_word(std::string_view& text) {
  while (!text.empty() && blanks.find(text.front()) != std::string_view::npos)
    text.remove_prefix(1);
  const auto end = std::min(text.find_first_of(blanks), text.size());
  const auto word = text.substr(0, end);
  text.remove_prefix(end);
  return word;
}

template <class T>
bool proc_number(std::string_view word, T& value) {
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  return error == std::errc{} && end == word.data() + word.size();
}

template <class... T>
bool proc_numbers(std::string_view text, T&... values) {
  return (proc_number(next_word(text), values) && ...);
}

/// "avg10=0.00"; by hand: from_chars for floating point is younger than some libraries we compile with.
bool percentage(std::string_view word, std::string_view key, double& value) {
  if (!word.starts_with(key))
    return false;
  word.remove_prefix(key.size());
  const auto point = word.find('.');
  std::uint64_t whole = 0, cents = 0;
  if (point == std::string_view::npos || word.size() != point + 3)
    return false;
  if (!proc_number(word.substr(0, point), whole) || !proc_number(word.substr(point + 1), cents))
    return false;
  value = static_cast<double>(whole) + static_cast<double>(cents) / 100;
  return true;
}

std::uint64_t nanoseconds_per_tick() {
  static const auto per_second = static_cast<std::uint64_t>(std::max(sysconf(_SC_CLK_TCK), 1L));
  return 1'000'000'000 / per_second;
}

bool pressure_line(std::string_view& text, std::string_view kind, double (&averages)[3], std::uint64_t& total) {
  if (next_word(text) != kind)
    return false;
  bool good = percentage(next_word(text), "avg10=", averages[0]);
  good = good && percentage(next_word(text), "avg60=", averages[1]);
  good = good && percentage(next_word(text), "avg300=", averages[2]);
  auto word = next_word(text);
  return good && word.starts_with("total=") && proc_number(word.substr(6), total);
}

} // namespace

std::optional<proc_stat> parse_proc_stat(std::string_view text) {
  // The command may hold spaces and parentheses; nothing after it does.
  const auto open = text.find('(');
  const auto close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open)
    return std::nullopt;
  proc_stat result;
  result.command = text.substr(open + 1, close - open - 1);
  auto rest = text.substr(close + 1);
  const auto state = next_word(rest);
  if (state.size() != 1)
    return std::nullopt;
  result.state = state.front();
  // Numbered as in proc(5), where pid is 1, the command 2 and the state 3.
  for (int field = 4; field <= 24; ++field) {
    const auto word = next_word(rest);
    bool good = !word.empty();
    switch (field) {
      case 4: good = proc_number(word, result.parent); break;
      case 12: good = proc_number(word, result.major_faults); break;
      case 14: good = proc_number(word, result.user_ticks); break;
      case 15: good = proc_number(word, result.system_ticks); break;
      case 20: good = proc_number(word, result.threads); break;
      case 22: good = proc_number(word, result.start_time); break;
      case 24: good = proc_number(word, result.resident_pages); break;
      default: break;
    }
    if (!good)
      return std::nullopt;
  }
  return result;
}

std::optional<proc_memory> parse_proc_memory(std::string_view text) {
  proc_memory result;
  if (!proc_numbers(text, result.total, result.resident, result.shared))
    return std::nullopt;
  return result;
}

std::optional<proc_io> parse_proc_io(std::string_view text) {
  const auto read = number_after(text, "read_bytes:"), written = number_after(text, "write_bytes:");
  if (!read || !written)
    return std::nullopt;
  return proc_io{*read, *written};
}

std::optional<proc_schedule> parse_proc_schedule(std::string_view text) {
  proc_schedule result;
  if (!proc_numbers(text, result.run_ns, result.wait_ns, result.slices))
    return std::nullopt;
  return result;
}

std::optional<pressure> parse_pressure(std::string_view text) {
  double some[3], full[3] = {};
  pressure result;
  if (!pressure_line(text, "some", some, result.some_us))
    return std::nullopt;
  if (text.size() > 1 && !pressure_line(text, "full", full, result.full_us))
    return std::nullopt;
  result.some_10s = some[0], result.some_60s = some[1], result.some_300s = some[2];
  result.full_10s = full[0], result.full_60s = full[1], result.full_300s = full[2];
  return result;
}

std::optional<std::uint64_t> number_after(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    if (text.starts_with(key)) {
      auto rest = text.substr(key.size());
      std::uint64_t value = 0;
      const bool apart = !rest.empty() && blanks.find(rest.front()) != std::string_view::npos;
      return apart && proc_number(next_word(rest), value) ? std::optional{value} : std::nullopt;
    }
    const auto* end = static_cast<const char*>(std::memchr(text.data(), '\n', text.size()));
    text.remove_prefix(end == nullptr ? text.size() : static_cast<std::size_t>(end - text.data()) + 1);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t value = 0;
  return proc_number(next_word(text), value) ? std::optional{value} : std::nullopt;
}

duration from_clock_ticks(std::uint64_t ticks) {
  return duration{static_cast<duration::rep>(ticks * nanoseconds_per_tick())};
}

std::uint64_t clock_ticks_now() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return (static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec))
         / nanoseconds_per_tick();
}

} // namespace duende
