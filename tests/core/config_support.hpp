#pragma once

#include "core/config/load.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace duende::test {

/// The faults of a text, one a line: "f.toml:1:2: words".
inline std::string faults(std::string_view text, config_format format = config_format::toml) {
  auto result = load_text(text, format, format == config_format::toml ? "f.toml" : "f.json", "/etc/duende");
  std::string lines;
  for (const auto& error : result.errors)
    lines += (lines.empty() ? "" : "\n") + to_string(error);
  return lines;
}

inline std::vector<std::string> lines(const load_result& result) {
  std::vector<std::string> all;
  for (const auto& error : result.errors)
    all.push_back(to_string(error));
  return all;
}

} // namespace duende::test
