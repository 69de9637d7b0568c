#include "apps/duende/import/ini.hpp"

#include <algorithm>
#include <charconv>

namespace duende::porting {
namespace {

constexpr std::string_view blanks = " \t\r\f\v";
constexpr std::size_t max_value = 1u << 20;

ini_section& open_section(ini& to, std::string name, const std::string& file, std::size_t line) {
  auto found = std::find_if(to.begin(), to.end(), [&](const ini_section& each) { return each.name == name; });
  if (found != to.end())
    return *found;
  to.push_back({std::move(name), file, line, {}});
  return to.back();
}

/// Splits off the next line.
std::string_view next_line(std::string_view& text) {
  auto end = std::min(text.find('\n'), text.size());
  auto line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r'))
    line.remove_suffix(1);
  return line;
}

std::string_view without_comment(std::string_view line) {
  for (std::size_t i = 0; i < line.size(); ++i)
    if ((line[i] == ';' || line[i] == '#') && (i == 0 || blanks.find(line[i - 1]) != std::string_view::npos))
      return line.substr(0, i);
  return line;
}

/// "[name]" to its name; false after reporting.
bool header(std::string_view line, std::string& name, const std::string& file, std::size_t at, faults& problems) {
  auto end = line.find(']');
  if (end == std::string_view::npos || end == 1) {
    problems.put(file, at, 0, fmt::format("'{}' is no section", line.substr(0, 60)));
    return false;
  }
  name = line.substr(1, end - 1);
  return true;
}

void no_assignment(std::string_view line, const std::string& file, std::size_t at, faults& problems) {
  problems.put(file, at, 0, fmt::format("'{}' is neither a section nor 'key=value'", trim(line).substr(0, 60)));
}

void before_any_section(std::string_view line, const std::string& file, std::size_t at, faults& problems) {
  problems.put(file, at, 0, fmt::format("'{}' stands before any [section]", trim(line).substr(0, 60)));
}

} // namespace

const ini_key* ini_section::find(std::string_view key) const {
  const ini_key* last = nullptr;
  for (const auto& each : keys)
    if (each.key == key)
      last = &each;
  return last;
}

std::string_view trim(std::string_view text) {
  auto first = text.find_first_not_of(" \t\r\n\f\v");
  if (first == std::string_view::npos)
    return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n\f\v") - first + 1);
}

std::string lower(std::string_view text) {
  std::string result{text};
  for (char& c : result)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  return result;
}

std::optional<long long> to_number(std::string_view text, long long low, long long high) {
  long long value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < low || value > high)
    return std::nullopt;
  return value;
}

void parse_python_ini(const std::string& file, std::string_view text, ini& to, faults& problems) {
  if (text.starts_with("\xef\xbb\xbf"))
    text.remove_prefix(3);
  std::size_t current = static_cast<std::size_t>(-1);
  bool in_value = false;
  for (std::size_t at = 1; !text.empty(); ++at) {
    auto raw = next_line(text);
    auto line = without_comment(raw);
    auto content = trim(line);
    if (content.empty())
      continue;
    bool indented = blanks.find(line[0]) != std::string_view::npos;
    if (indented && in_value) {
      auto& value = to[current].keys.back().value;
      if (value.size() < max_value)
        value += fmt::format("\n{}", content);
      continue;
    }
    if (content[0] == '[') {
      std::string name;
      in_value = false;
      if (header(content, name, file, at, problems))
        current = static_cast<std::size_t>(&open_section(to, std::move(name), file, at) - to.data());
      continue;
    }
    auto equals = content.find_first_of("=:");
    if (equals == std::string_view::npos || equals == 0) {
      no_assignment(content, file, at, problems);
    } else if (current == static_cast<std::size_t>(-1)) {
      before_any_section(content, file, at, problems);
    } else {
      to[current].keys.push_back(
        {lower(trim(content.substr(0, equals))), std::string{trim(content.substr(equals + 1))}, file, at});
      in_value = true;
    }
  }
}

void parse_systemd_ini(const std::string& file, std::string_view text, ini& to, faults& problems) {
  if (text.starts_with("\xef\xbb\xbf"))
    text.remove_prefix(3);
  std::size_t current = static_cast<std::size_t>(-1);
  for (std::size_t at = 1; !text.empty(); ++at) {
    auto first = at;
    auto content = trim(next_line(text));
    if (content.empty() || content[0] == '#' || content[0] == ';')
      continue;
    std::string whole{content};
    while (whole.ends_with('\\') && !text.empty() && whole.size() < max_value) {
      auto more = trim(next_line(text));
      ++at;
      if (!more.empty() && (more[0] == '#' || more[0] == ';'))
        continue; // comments between the parts of a line are left out
      whole.back() = ' ';
      whole += more;
    }
    if (whole.ends_with('\\'))
      whole.pop_back();
    content = trim(whole);
    if (content.empty())
      continue;
    if (content[0] == '[') {
      std::string name;
      if (header(content, name, file, first, problems))
        current = static_cast<std::size_t>(&open_section(to, std::move(name), file, first) - to.data());
      continue;
    }
    auto equals = content.find('=');
    if (equals == std::string_view::npos || equals == 0)
      no_assignment(content, file, first, problems);
    else if (current == static_cast<std::size_t>(-1))
      before_any_section(content, file, first, problems);
    else
      to[current].keys.push_back(
        {std::string{trim(content.substr(0, equals))}, std::string{trim(content.substr(equals + 1))}, file, first});
  }
}

} // namespace duende::porting
