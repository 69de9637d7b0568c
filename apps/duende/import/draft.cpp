#include "apps/duende/import/draft.hpp"

#include "core/config/file.hpp"
#include "core/errc.hpp"
#include "core/names.hpp"

#include <algorithm>

namespace duende::porting {
namespace {

bool bare_key(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

} // namespace

std::string toml(std::string_view text) {
  std::string result = "\"";
  for (char c : text) {
    switch (c) {
      case '"': result += "\\\""; break;
      case '\\': result += "\\\\"; break;
      case '\n': result += "\\n"; break;
      case '\t': result += "\\t"; break;
      case '\r': result += "\\r"; break;
      default:
        if (auto byte = static_cast<unsigned char>(c); byte < 0x20 || byte == 0x7f)
          result += fmt::format("\\u{:04X}", byte);
        else
          result += c;
    }
  }
  return result + '"';
}

std::string toml(const std::vector<std::string>& texts) {
  std::string result;
  for (const auto& text : texts)
    result += (result.empty() ? "" : ", ") + toml(text);
  return "[" + result + "]";
}

std::string toml(const std::map<std::string, std::string>& table) {
  std::string result;
  for (const auto& [key, value] : table)
    result += fmt::format("{}{} = {}", result.empty() ? "" : ", ", bare_key(key) ? key : toml(key), toml(value));
  return result.empty() ? "{}" : "{ " + result + " }";
}

std::string toml(const std::vector<int>& numbers) { return fmt::format("[{}]", fmt::join(numbers, ", ")); }

section& daemon_draft::at(std::string_view part) {
  for (auto& each : sections_)
    if (each.name == part && !each.repeated)
      return each;
  section fresh{std::string{part}, false, {}};
  // The daemon's own keys come first: in TOML what follows a header belongs to it.
  return *sections_.insert(part.empty() ? sections_.begin() : sections_.end(), std::move(fresh));
}

void daemon_draft::set(std::string_view part, std::string_view key, std::string value, std::string remark) {
  auto& entries = at(part).entries;
  for (auto& each : entries)
    if (each.key == key) {
      each.value = std::move(value);
      each.remark = std::move(remark);
      return;
    }
  entries.push_back({std::string{key}, std::move(value), std::move(remark)});
}

void daemon_draft::add(std::string_view part, std::vector<entry> entries) {
  sections_.push_back({std::string{part}, true, std::move(entries)});
}

void daemon_draft::remark(std::string text, std::string_view part) {
  at(part).entries.push_back({{}, {}, std::move(text)});
}

void daemon_draft::lost(std::string_view what, std::string_view why, std::string_view part) {
  remark(fmt::format("not carried over: {}: {}", what, why), part);
}

void daemon_draft::command(const std::vector<std::string>& words) {
  if (words.empty())
    return;
  text("", "binary_path", words.front());
  if (words.size() > 1)
    set("", "args", toml(std::vector<std::string>{words.begin() + 1, words.end()}));
}

void daemon_draft::env(std::map<std::string, std::string> variables) {
  for (auto each = variables.begin(); each != variables.end();) {
    auto bad = each->first.empty() || each->first.find_first_of(std::string_view{"=\0", 2}) != std::string::npos
               || each->second.find('\0') != std::string::npos;
    if (bad)
      lost(fmt::format("variable '{}'", each->first), "a process can't be given a variable of that name");
    each = bad ? variables.erase(each) : std::next(each);
  }
  if (!variables.empty())
    set("", "env", toml(variables));
}

bool daemon_draft::has(std::string_view part, std::string_view key) const {
  for (const auto& each : sections_)
    if (each.name == part)
      for (const auto& line : each.entries)
        if (line.key == key)
          return true;
  return false;
}

std::string valid_name_of(std::string_view text) {
  std::string result;
  for (char c : text) {
    bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (good || (!result.empty() && (c == '.' || c == '_' || c == '-')))
      result += c;
    else if (!result.empty() && result.back() != '-')
      result += '-';
    if (result.size() == max_name_bytes)
      break;
  }
  while (!result.empty() && result.back() == '-')
    result.pop_back();
  return result.empty() ? "daemon" : result;
}

void faults::put(const std::string& file, std::size_t line, std::size_t column, std::string message) {
  if (list_.size() < max_import_errors)
    list_.push_back(
      {file, static_cast<std::uint32_t>(line),
       static_cast<std::uint32_t>(
         column ? column
         : line ? 1
                : 0),
       std::move(message)});
}

bool readable(std::string_view text, faults& problems) {
  if (text.size() > max_config_bytes) {
    problems.add(0, "{} bytes; the most is {}", text.size(), max_config_bytes);
    return false;
  }
  std::size_t line = 1;
  while (!text.empty()) {
    auto end = std::min(text.find('\n'), text.size());
    auto part = text.substr(0, end);
    if (part.find('\0') != std::string_view::npos)
      problems.add(line, "a NUL character: this is no text file");
    else if (!config::valid_utf8(part))
      problems.add(line, "bytes that are no UTF-8");
    if (problems.any())
      return false;
    text.remove_prefix(std::min(end + 1, text.size()));
    ++line;
  }
  return true;
}

result conclude(draft what, faults& problems, const std::string& path) {
  if (problems.any())
    return {{}, problems.take()};
  auto text = finish(std::move(what), config::folder_of(path));
  if (!text) {
    problems.add(0, "{}", sentence(text.error()));
    return {{}, problems.take()};
  }
  return {std::move(*text), {}};
}

} // namespace duende::porting
