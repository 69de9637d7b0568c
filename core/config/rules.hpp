// The table of keys: one row per key of the configuration. It drives reading, writing, "did you mean" and the schema.
#pragma once

#include "core/config/context.hpp"
#include "core/config/value.hpp"

#include <nlohmann/json.hpp>

#include <span>
#include <string_view>
#include <vector>

namespace duende::config {

/// How a value is written. Decides which kinds are accepted, what is checked, and the type in the schema.
enum class shape : std::uint8_t {
  text,
  name,
  path,    ///< made absolute
  program, ///< a path where it has a slash, else a name to be looked up in PATH
  boolean,
  integer,  ///< within [low, high]
  number,   ///< within [low, high]
  size,     ///< within [low, high]
  duration, ///< within [low, high] seconds
  choice,   ///< one of `words`
  texts,
  integers,   ///< each within [low, high]
  text_table, ///< string to string
  signal,
  address,  ///< HOST:PORT, [V6]:PORT or unix:PATH
  listen,   ///< IP:PORT, [V6]:PORT, udp:IP:PORT or unix:/PATH
  listener, ///< HOST:PORT or "off"
  url,
  pattern,      ///< ECMAScript
  command,      ///< a line to split
  program_call, ///< a line to split, or its words
  commands,     ///< lines to split, or tables of command and timeout
  calendar,     ///< see core/calendar.hpp
  dependencies, ///< names, or tables of name and until
  inherit,      ///< names, true or false
  section,      ///< a table with rules of its own; where it has `set`, with a struct of its own, too
  sections,     ///< an array of such tables
  seccomp,      ///< a word, or a table of allow or deny, and action
  free,         ///< anything: keys that no version of this table can check
};

struct rule {
  std::string_view section; ///< "daemon.restart"; "" is the top level of a file
  std::string_view key;
  shape type = shape::text;
  std::string_view doc;
  /// Null: not supported by this version.
  void (*set)(context&, const rule&, const value&) = nullptr;
  /// The value in a node_spec, supervisor_spec or daemon_spec; null where there is nothing to write.
  nlohmann::json (*get)(const rule&, const void* object) = nullptr;
  double low = 0, high = 0;
  std::span<const std::string_view> words;
  /// For keys without `set`: the values that change nothing and so are accepted, separated by '|'.
  std::string_view neutral;
  std::string_view instead; ///< likewise: why, and what does the same

  bool supported() const { return set != nullptr || type == shape::section || type == shape::sections; }
};

/// All rows, those of one section beside each other.
const std::vector<rule>& all_rules();
std::span<const rule> rules_of(std::string_view section);
/// Null where the section has no such key.
const rule* find_rule(std::string_view section, std::string_view key);

std::span<const rule> node_rules();
std::span<const rule> otlp_rules();
std::span<const rule> supervisor_rules();
std::span<const rule> daemon_rules();
std::span<const rule> life_rules(); ///< hooks, watch, schedule
std::span<const rule> limit_rules();
std::span<const rule> health_rules();
std::span<const rule> jidoka_rules();   ///< and the circuit breaker
std::span<const rule> security_rules(); ///< the sandbox, locked memory
std::span<const rule> unsupported_rules();

/// Reads `table` by the rules of `section` into `c.object`; every fault is reported to `c`.
void read_section(context& c, std::string_view section, const value& table);

/// The section's keys of `object` that differ from the same of `defaults`.
nlohmann::json write_section(std::string_view section, const void* object, const void* defaults);

} // namespace duende::config
