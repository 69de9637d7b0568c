#include "apps/duende/import/systemd_values.hpp"

#include "apps/duende/import/ini.hpp"
#include "core/words.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace duende::porting {
namespace {

constexpr std::string_view blanks = " \t\r\n";

/// A number written in `base` of at most `digits` digits at `at`.
std::optional<unsigned> escaped_number(std::string_view text, std::size_t at, std::size_t digits, int base) {
  unsigned value = 0;
  auto part = text.substr(std::min(at, text.size()), digits);
  auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value, base);
  return error == std::errc{} && end == part.data() + digits && value > 0 && value < 256 ? std::optional{value}
                                                                                         : std::nullopt;
}

/// The character that the escape at text[at] == '\\' means, appended; returns how many characters it took.
std::size_t unescape(std::string_view text, std::size_t at, std::string& to) {
  if (at + 1 >= text.size()) {
    to += '\\';
    return 1;
  }
  constexpr std::string_view names = "abfnrtv\\\"'s", values = "\a\b\f\n\r\t\v\\\"' ";
  char c = text[at + 1];
  if (auto found = names.find(c); found != std::string_view::npos) {
    to += values[found];
    return 2;
  }
  if (c == 'x')
    if (auto value = escaped_number(text, at + 2, 2, 16); value && *value < 128) {
      to += static_cast<char>(*value);
      return 4;
    }
  to += '\\';
  return 1;
}

struct unit_of_time {
  std::string_view name;
  double seconds;
};
constexpr auto units = std::to_array<unit_of_time>(
  {{"us", 1e-6},       {"usec", 1e-6},      {"µs", 1e-6},    {"ms", 1e-3},       {"msec", 1e-3},     {"s", 1},
   {"sec", 1},         {"second", 1},       {"seconds", 1},  {"m", 60},          {"min", 60},        {"minute", 60},
   {"minutes", 60},    {"h", 3600},         {"hr", 3600},    {"hour", 3600},     {"hours", 3600},    {"d", 86400},
   {"day", 86400},     {"days", 86400},     {"w", 604800},   {"week", 604800},   {"weeks", 604800},  {"M", 2629800},
   {"month", 2629800}, {"months", 2629800}, {"y", 31557600}, {"year", 31557600}, {"years", 31557600}});

bool variable_name(std::string_view text) {
  return !text.empty() && !(text[0] >= '0' && text[0] <= '9') && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

/// One word as a shell reads it back, with ${VARIABLES} left to it. `expands` where there is one.
std::string shell_word(std::string_view word, bool& expands) {
  if (word.starts_with('$') && variable_name(word.substr(1))) {
    expands = true;
    return std::string{word};
  }
  std::string result, literal;
  auto flush = [&] {
    if (!literal.empty())
      result += join_words({literal});
    literal.clear();
  };
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (word.substr(i).starts_with("$$")) {
      literal += '$';
      ++i;
      continue;
    }
    auto close = word.substr(i).starts_with("${") ? word.find('}', i) : std::string_view::npos;
    if (close != std::string_view::npos && variable_name(word.substr(i + 2, close - i - 2))) {
      flush();
      expands = true;
      result += fmt::format("\"{}\"", word.substr(i, close - i + 1));
      i = close;
    } else {
      literal += word[i];
    }
  }
  flush();
  return result.empty() ? "''" : result;
}

/// \xNN of unit names back to characters, '-' to '/'. Source: systemd.unit(5), "String Escaping for Inclusion in Unit Names".
std::string unescape_name(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto value = text.substr(i).starts_with("\\x") ? escaped_number(text, i + 2, 2, 16) : std::nullopt;
    if (value && *value < 128 && *value >= 32) {
      result += static_cast<char>(*value);
      i += 3;
    } else {
      result += text[i] == '-' ? '/' : text[i];
    }
  }
  return result;
}

} // namespace

bool split_systemd(std::string_view text, std::vector<std::string>& words) {
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (std::size_t i = 0; i < text.size();) {
    char c = text[i];
    if (c == '\\') {
      i += unescape(text, i, word);
      in_word = true;
      continue;
    }
    ++i;
    if (quote != 0 ? c == quote : c == '"' || c == '\'') {
      quote = quote != 0 ? 0 : c;
      in_word = true;
    } else if (quote == 0 && blanks.find(c) != std::string_view::npos) {
      if (in_word)
        words.push_back(std::move(word));
      word.clear();
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (in_word)
    words.push_back(std::move(word));
  return quote == 0;
}

std::optional<duration> parse_span(std::string_view text, bool& infinite) {
  text = trim(text);
  infinite = text == "infinity";
  if (infinite || text.empty())
    return std::nullopt;
  double seconds = 0;
  while (!text.empty()) {
    double number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc{} || !(number >= 0))
      return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    text = trim(text);
    auto length = std::min(text.find_first_of("0123456789. \t"), text.size());
    auto name = text.substr(0, length);
    auto unit = std::find_if(units.begin(), units.end(), [&](const auto& each) { return each.name == name; });
    if (!name.empty() && unit == units.end())
      return std::nullopt;
    seconds += number * (name.empty() ? 1 : unit->seconds);
    text = trim(text.substr(length));
  }
  if (!(seconds < 3e9))
    return std::nullopt;
  // To the microsecond, which is what systemd counts in.
  return std::chrono::duration_cast<duration>(std::chrono::microseconds{std::llround(seconds * 1e6)});
}

std::optional<std::uint64_t> parse_systemd_size(std::string_view text) {
  text = trim(text);
  int shift = 0;
  constexpr std::string_view letters = "KMGT";
  if (!text.empty() && text.back() == 'B')
    text.remove_suffix(1);
  if (!text.empty())
    if (auto found = letters.find(text.back()); found != std::string_view::npos) {
      shift = 10 * (static_cast<int>(found) + 1);
      text.remove_suffix(1);
    }
  auto number = to_number(trim(text), 0, std::numeric_limits<long long>::max() >> shift);
  return number ? std::optional{static_cast<std::uint64_t>(*number) << shift} : std::nullopt;
}

std::optional<bool> parse_systemd_boolean(std::string_view text) {
  auto word = lower(trim(text));
  for (auto yes : {"1", "yes", "y", "true", "t", "on"})
    if (word == yes)
      return true;
  for (auto no : {"0", "no", "n", "false", "f", "off"})
    if (word == no)
      return false;
  return std::nullopt;
}

std::vector<std::string> without_variables(const std::vector<std::string>& words) {
  bool expands = false;
  std::string line = "exec";
  for (const auto& word : words)
    line += " " + shell_word(word, expands);
  if (expands)
    return {"/bin/sh", "-fc", line}; // -f: systemd splits $VARIABLES at blanks, but knows no globs
  std::vector<std::string> result;
  for (auto word : words) {
    for (auto at = word.find("$$"); at != std::string::npos; at = word.find("$$", at + 1))
      word.erase(at, 1);
    result.push_back(std::move(word));
  }
  return result;
}

specifiers specifiers_of(std::string_view unit, std::string_view host_name) {
  auto name = unit.substr(0, unit.rfind('.'));
  auto at = name.find('@');
  auto prefix = name.substr(0, at);
  auto instance = at == std::string_view::npos ? std::string_view{} : name.substr(at + 1);
  auto dash = prefix.rfind('-');
  auto last = dash == std::string_view::npos ? prefix : prefix.substr(dash + 1);
  specifiers known{
    {'n', std::string{unit}},
    {'N', std::string{name}},
    {'p', std::string{prefix}},
    {'P', unescape_name(prefix)},
    {'i', std::string{instance}},
    {'I', unescape_name(instance)},
    {'j', std::string{last}},
    {'J', unescape_name(last)},
    {'f', "/" + unescape_name(instance.empty() ? prefix : instance)},
    {'t', "/run"},
    {'S', "/var/lib"},
    {'C', "/var/cache"},
    {'L', "/var/log"},
    {'E', "/etc"},
    {'T', "/tmp"},
    {'V', "/var/tmp"},
    {'%', "%"}};
  // Those of the service manager itself, which is root for system units.
  known.insert({{'u', "root"}, {'U', "0"}, {'g', "root"}, {'G', "0"}, {'h', "/root"}, {'s', "/bin/sh"}});
  if (!host_name.empty()) {
    known.emplace('H', host_name);
    known.emplace('l', host_name.substr(0, host_name.find('.')));
  }
  return known;
}

std::string expand_specifiers(std::string_view text, const specifiers& known, std::string& unknown) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%' || i + 1 == text.size()) {
      result += text[i];
      continue;
    }
    char letter = text[++i];
    if (auto found = known.find(letter); found != known.end()) {
      result += found->second;
      continue;
    }
    result += '%';
    result += letter;
    if (
      static_cast<unsigned char>(letter) > 0x20 && static_cast<unsigned char>(letter) < 0x7f
      && unknown.find(letter) == std::string::npos)
      unknown += letter;
  }
  return result;
}

} // namespace duende::porting
