// ${VARIABLES} of compose files.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace duende::porting {

using look_up = std::function<std::optional<std::string>(const std::string& name)>;

struct interpolation {
  std::string text;
  std::set<std::string> missing; ///< variables that have no value: they became nothing
  std::string fault;             ///< what is wrong, where it can't be done
};

/// $VAR, ${VAR}, ${VAR:-default}, ${VAR-default}, ${VAR:?words}, ${VAR?words}, ${VAR:+instead}, ${VAR+instead}, $$.
/// Source: the Compose Specification, "Interpolation".
interpolation interpolate(std::string_view text, const look_up& value_of, int depth = 0);

} // namespace duende::porting
