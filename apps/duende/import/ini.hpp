// Sections of KEY=VALUE lines, with where each stood. The two dialects differ in comments, continuation and repeated keys.
#pragma once

#include "apps/duende/import/draft.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace duende::porting {

struct ini_key {
  std::string key, value;
  std::string file;
  std::size_t line = 0;
};

struct ini_section {
  std::string name;
  std::string file;
  std::size_t line = 0;
  std::vector<ini_key> keys; ///< in order, repeated ones too

  /// The last of that name; null where there is none.
  const ini_key* find(std::string_view key) const;
};

using ini = std::vector<ini_section>;

/// Appends to `to`; a section that is there already is gone on with. Source: Python's configparser as supervisor uses it: ';' and
/// '#' after a blank begin a comment, lines that begin with a blank go on, keys are lower case.
void parse_python_ini(const std::string& file, std::string_view text, ini& to, faults& problems);

/// Source: systemd.syntax(7): '#' and ';' only at the start of a line, a backslash at the end goes on with a blank.
void parse_systemd_ini(const std::string& file, std::string_view text, ini& to, faults& problems);

std::string_view trim(std::string_view text);
std::string lower(std::string_view text);
/// A number within the bounds, or none.
std::optional<long long> to_number(std::string_view text, long long low, long long high);

} // namespace duende::porting
