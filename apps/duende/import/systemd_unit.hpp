// One unit with its drop-ins, and the parts of it that become parts of a daemon.
#pragma once

#include "apps/duende/import/ini.hpp"
#include "apps/duende/import/systemd_values.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace duende::porting {

/// The keys of a unit as systemd means them: an empty value takes back those before it.
class unit_keys {
public:
  unit_keys(std::string path, std::string unit, const surroundings& around, faults& problems);

  const ini_section* section(std::string_view name) const;
  /// The last value given; null where there is none or the last one is empty.
  const ini_key* last(std::string_view part, std::string_view key) const;
  /// All values given since the last empty one.
  std::vector<const ini_key*> all(std::string_view part, std::string_view key) const;
  /// With specifiers replaced.
  std::string expand(const ini_key& key);
  /// The words of a value with specifiers replaced; none after reporting.
  std::vector<std::string> words(const ini_key& key);
  std::optional<duration> span(const ini_key& key, bool& infinite);
  /// A command line without the characters in front of the program; `ignored`: one of them was '-'. None after reporting.
  std::vector<std::string> command(const ini_key& key, bool& ignored, daemon_draft& daemon);
  void fault(const ini_key& key, std::string text);

  std::string path, unit;
  const surroundings& around;
  faults& problems;
  ini sections;
  specifiers known;
  std::string unknown; ///< letters of specifiers that stand for nothing here
};

void read_stop(unit_keys& u, daemon_draft& daemon);
void read_restart(unit_keys& u, daemon_draft& daemon);
void read_limits(unit_keys& u, daemon_draft& daemon);
void read_security(unit_keys& u, daemon_draft& daemon);
/// The .socket and the .timer beside it.
void read_beside(unit_keys& u, daemon_draft& daemon);
/// What has no counterpart becomes comments.
void read_rest(unit_keys& u, daemon_draft& daemon);

} // namespace duende::porting
