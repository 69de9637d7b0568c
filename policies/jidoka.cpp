#include "policies/jidoka.hpp"

#include <fmt/format.h>

namespace duende {

std::string_view to_string(violation_kind x) {
  switch (x) {
    case violation_kind::gate: return "gate";
    case violation_kind::invariant: return "invariant";
    case violation_kind::health: return "health";
    case violation_kind::limit: return "limit";
    case violation_kind::first_end: break;
  }
  return "first_end";
}

std::string summary(const violations& broken) {
  std::string text;
  for (const auto& each : broken) {
    const bool named = each.kind == violation_kind::gate || each.kind == violation_kind::invariant;
    text += fmt::format(
      "{}{}{}", text.empty() ? "" : "; ", named ? fmt::format("{} '{}': ", to_string(each.kind), each.rule) : "",
      each.evidence);
  }
  return text;
}

} // namespace duende
