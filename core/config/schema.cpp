#include "core/config/load.hpp"

#include "core/config/rules.hpp"

#include <array>

namespace duende {
namespace config {
namespace {

using json = nlohmann::ordered_json;

json string_array() { return {{"type", "array"}, {"items", {{"type", "string"}}}}; }
json text(std::string_view pattern) { return {{"type", "string"}, {"pattern", std::string{pattern}}}; }

/// What the kinds of values look like in a schema, without the bounds of the rule.
json type_of(shape type) {
  switch (type) {
    case shape::name: return text("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$");
    case shape::path:
    case shape::program:
    case shape::command:
    case shape::pattern: return {{"type", "string"}, {"minLength", 1}};
    case shape::boolean: return {{"type", "boolean"}};
    case shape::integer: return {{"type", "integer"}};
    case shape::number: return {{"type", "number"}};
    case shape::size:
      return {{"anyOf", json::array({json{{"type", "integer"}}, text("^[0-9]+(\\.[0-9]+)?(B|[KMGT](B|iB)?)?$")})}};
    case shape::duration: return text("^(0|([0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h|d))+)$");
    case shape::texts: return string_array();
    case shape::integers: return {{"type", "array"}, {"items", {{"type", "integer"}}}};
    case shape::text_table: return {{"type", "object"}, {"additionalProperties", {{"type", "string"}}}};
    case shape::listen: return text("^(unix:/.+|(tcp:|udp:)?[^/]+:[0-9]+)$");
    case shape::url: return text("^https?://");
    case shape::program_call: return {{"anyOf", json::array({json{{"type", "string"}}, string_array()})}};
    case shape::commands: {
      json entry = {
        {"type", "object"},
        {"properties", {{"command", {{"type", "string"}}}, {"timeout", type_of(shape::duration)}}},
        {"required", json::array({"command"})},
        {"additionalProperties", false}};
      return {{"type", "array"}, {"items", {{"anyOf", json::array({json{{"type", "string"}}, std::move(entry)})}}}};
    }
    case shape::calendar: return {{"type", "string"}, {"minLength", 1}};
    case shape::inherit: return {{"anyOf", json::array({json{{"type", "boolean"}}, string_array()})}};
    case shape::dependencies: {
      json entry = {
        {"type", "object"},
        {"properties",
         {{"name", {{"type", "string"}}}, {"until", {{"enum", json::array({"started", "ready", "completed"})}}}}},
        {"required", json::array({"name"})},
        {"additionalProperties", false}};
      json items = {{"anyOf", json::array({json{{"type", "string"}}, std::move(entry)})}};
      return {{"type", "array"}, {"items", std::move(items)}};
    }
    case shape::seccomp: {
      json list = {
        {"type", "object"},
        {"properties",
         {{"allow", string_array()}, {"deny", string_array()}, {"action", {{"enum", json::array({"kill", "errno"})}}}}},
        {"oneOf", json::array({json{{"required", json::array({"allow"})}}, json{{"required", json::array({"deny"})}}})},
        {"additionalProperties", false}};
      return {{"anyOf", json::array({json{{"enum", json::array({"default", "off"})}}, std::move(list)})}};
    }
    case shape::free: return json::object();
    default: return {{"type", "string"}};
  }
}

json bound(double x) {
  if (x == static_cast<double>(static_cast<std::int64_t>(x)))
    return static_cast<std::int64_t>(x);
  return x;
}

/// The values of a key that is not supported but accepts those that change nothing.
json neutral_values(const rule& r) {
  auto result = json::array();
  for (auto rest = r.neutral; !rest.empty();) {
    auto end = std::min(rest.find('|'), rest.size());
    std::string word{rest.substr(0, end)};
    bool quoted = r.type == shape::text || r.type == shape::duration || word == "off";
    result.push_back(quoted ? json(word) : json::parse(word));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return result;
}

json schema_of(std::string_view section, const void* defaults);

json schema_of(const rule& r, const void* defaults) {
  json result;
  auto doc = std::string{r.doc};
  if (r.type == shape::section) {
    auto name = r.section.empty() ? std::string{r.key} : fmt::format("{}.{}", r.section, r.key);
    static const otlp_spec otlp;
    result = schema_of(name, r.set != nullptr ? &otlp : defaults);
  } else if (r.type == shape::sections) {
    result = {{"type", "array"}, {"items", schema_of(fmt::format("{}.{}", r.section, r.key), nullptr)}};
  } else if (!r.supported()) {
    auto values = neutral_values(r);
    result = values.empty() ? json{{"not", json::object()}} : json{{"enum", std::move(values)}};
    doc += " Not supported by this version.";
  } else {
    result = type_of(r.type);
    auto& bounded = r.type == shape::integers ? result["items"] : result;
    if (r.low != r.high && (r.type == shape::integer || r.type == shape::integers || r.type == shape::number)) {
      bounded["minimum"] = bound(r.low);
      bounded["maximum"] = bound(r.high);
    }
    if (!r.words.empty())
      result["enum"] = r.words;
    if (r.get != nullptr && defaults != nullptr)
      if (auto value = r.get(r, defaults); !value.is_null() && value != "" && !(value.is_structured() && value.empty()))
        result["default"] = value;
  }
  result["description"] = doc;
  return result;
}

json schema_of(std::string_view section, const void* defaults) {
  json properties = json::object();
  for (const auto& r : rules_of(section))
    properties[std::string{r.key}] = schema_of(r, defaults);
  return {{"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
}

} // namespace
} // namespace config

std::string schema_json() {
  using config::json;
  node_spec node;
  node.metrics = "127.0.0.1:9464";
  const supervisor_spec supervisor;
  const daemon_spec daemon;

  auto daemon_schema = config::schema_of("daemon", &daemon);
  auto one_program =
    json::array({json{{"required", json::array({"binary_path"})}}, json{{"required", json::array({"command"})}}});
  daemon_schema["required"] = json::array({"name"});
  daemon_schema["oneOf"] = std::move(one_program);
  auto supervisor_schema = config::schema_of("supervisor", &supervisor);
  supervisor_schema["required"] = json::array({"name"});

  json whole = {{"type", "object"}, {"properties", json::object()}, {"additionalProperties", false}};
  for (const auto& r : config::rules_of("")) {
    json part = {{"$ref", fmt::format("#/$defs/{}", r.key)}};
    if (r.type == config::shape::sections)
      part = {{"type", "array"}, {"items", std::move(part)}};
    part["description"] = r.doc;
    whole["properties"][std::string{r.key}] = std::move(part);
  }
  json result = {
    {"$schema", "https://json-schema.org/draft/2020-12/schema"},
    {"title", "duende.toml"},
    {"description", "A stack of daemons and supervisors, or a single daemon."},
    {"anyOf", json::array({std::move(whole), json{{"$ref", "#/$defs/daemon"}}})},
    {"$defs",
     {{"node", config::schema_of("node", &node)},
      {"supervisor", std::move(supervisor_schema)},
      {"daemon", std::move(daemon_schema)}}}};
  return result.dump(2) + "\n";
}

} // namespace duende
