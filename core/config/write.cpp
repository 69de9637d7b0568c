// From specs back to JSON, by the same table.
#include "core/config/load.hpp"
#include "core/config/rules.hpp"

namespace duende {

nlohmann::json to_json(const daemon_spec& spec) {
  static const daemon_spec defaults;
  auto result = config::write_section("daemon", &spec, &defaults);
  if (spec.schedule && spec.restart.kind == defaults.restart.kind) // with a schedule it is not the default
    result["restart"]["policy"] = std::string{to_string(spec.restart.kind)};
  return result;
}

nlohmann::json to_json(const supervisor_spec& spec) {
  static const supervisor_spec defaults;
  return config::write_section("supervisor", &spec, &defaults);
}

nlohmann::json to_json(const node_spec& spec) {
  node_spec defaults;
  defaults.metrics = "127.0.0.1:9464";
  return config::write_section("node", &spec, &defaults);
}

std::string stack_to_json(const stack& value, const otlp_spec& otlp) {
  auto result = nlohmann::json::object();
  result["node"] = to_json(value.node);
  static const otlp_spec none;
  if (otlp != none)
    result["node"]["otlp"] = config::write_section("node.otlp", &otlp, &none);
  for (const auto& spec : value.supervisors)
    result["supervisor"].push_back(to_json(spec));
  for (const auto& spec : value.daemons)
    result["daemon"].push_back(to_json(spec));
  return result.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

} // namespace duende
