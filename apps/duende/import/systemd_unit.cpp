#include "apps/duende/import/systemd_unit.hpp"

#include <algorithm>

namespace duende::porting {

unit_keys::unit_keys(std::string path_of, std::string unit_of, const surroundings& where, faults& to)
  : path(std::move(path_of)), unit(std::move(unit_of)), around(where), problems(to) {}

const ini_section* unit_keys::section(std::string_view name) const {
  for (const auto& each : sections)
    if (each.name == name)
      return &each;
  return nullptr;
}

const ini_key* unit_keys::last(std::string_view part, std::string_view key) const {
  auto* where = section(part);
  auto* found = where == nullptr ? nullptr : where->find(key);
  return found == nullptr || found->value.empty() ? nullptr : found;
}

std::vector<const ini_key*> unit_keys::all(std::string_view part, std::string_view key) const {
  std::vector<const ini_key*> result;
  if (auto* where = section(part))
    for (const auto& each : where->keys)
      if (each.key == key) {
        if (each.value.empty())
          result.clear();
        else
          result.push_back(&each);
      }
  return result;
}

std::string unit_keys::expand(const ini_key& key) { return expand_specifiers(key.value, known, unknown); }

void unit_keys::fault(const ini_key& key, std::string text) {
  problems.put(key.file, key.line, 0, fmt::format("'{}': {}", key.key, text));
}

std::vector<std::string> unit_keys::words(const ini_key& key) {
  std::vector<std::string> result;
  if (!split_systemd(key.value, result)) {
    fault(key, fmt::format("a quote is not closed in '{}'", std::string_view{key.value}.substr(0, 60)));
    return {};
  }
  for (auto& word : result)
    word = expand_specifiers(word, known, unknown);
  return result;
}

std::optional<duration> unit_keys::span(const ini_key& key, bool& infinite) {
  auto result = parse_span(key.value, infinite);
  if (!result && !infinite)
    fault(key, fmt::format("'{}' is no time span", std::string_view{key.value}.substr(0, 40)));
  return result;
}

std::vector<std::string> unit_keys::command(const ini_key& key, bool& ignored, daemon_draft& daemon) {
  auto result = words(key);
  if (result.empty())
    return result;
  auto& program = result.front();
  bool other_name = false, plain = false, privileged = false;
  std::size_t n = 0;
  for (; n < program.size() && std::string_view{"-@:+!|"}.find(program[n]) != std::string_view::npos; ++n) {
    ignored |= program[n] == '-';
    other_name |= program[n] == '@';
    plain |= program[n] == ':';
    privileged |= program[n] == '+' || program[n] == '!';
  }
  program.erase(0, n);
  if (program.empty()) {
    fault(key, "an empty command");
    return {};
  }
  if (other_name && result.size() > 1) {
    daemon.lost(fmt::format("the name '{}' as argv[0]", result[1]), "a daemon is called by its path");
    result.erase(result.begin() + 1);
  }
  if (privileged)
    daemon.lost("the '+' or '!' of " + key.key, "a daemon and its hooks have one user");
  if (plain)
    return result;
  return without_variables(result);
}

} // namespace duende::porting
