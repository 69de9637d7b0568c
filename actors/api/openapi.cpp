// /v1/openapi.json: OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.0) of the table of routes.
#include "actors/api/route_table.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace duende::api {
namespace {

using document = nlohmann::ordered_json;

document text_schema() { return {{"type", "string"}}; }
document maybe(const char* type) { return {{"type", document::array({type, "null"})}}; }
document reference(std::string_view kind, std::string_view name) {
  return {{"$ref", fmt::format("#/components/{}/{}", kind, name)}};
}
document list_of(std::string_view schema) { return {{"type", "array"}, {"items", reference("schemas", schema)}}; }

document
object(std::initializer_list<std::pair<const char*, document>> members, std::vector<std::string> required = {}) {
  auto properties = document::object();
  for (const auto& [name, schema] : members)
    properties[name] = schema;
  document result = {{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty())
    result["required"] = std::move(required);
  return result;
}

document words(std::initializer_list<const char*> list) {
  auto all = document::array();
  for (const auto* word : list)
    all.push_back(word);
  return {{"type", "string"}, {"enum", std::move(all)}};
}

document schemas() {
  const document number = {{"type", "number"}}, integer = {{"type", "integer"}}, boolean = {{"type", "boolean"}};
  const document time = {{"type", "string"}, {"format", "date-time"}};
  document result;
  auto states = words({"created", "starting", "running", "paused", "stopping", "stopped", "backoff", "failed"});
  auto causes = words({"code", "signal", "oom", "policy", "health", "timeout", "spawn", "lost"});
  auto last_exit = object({{"cause", causes}, {"value", integer}, {"text", text_schema()}, {"at", time}});
  result["daemon"] = object(
    {{"name", text_schema()},
     {"id", {{"type", "string"}, {"format", "uuid"}}},
     {"state", states},
     {"pid", maybe("integer")},
     {"backend", text_schema()},
     {"supervisor", text_schema()},
     {"node", text_schema()},
     {"ready", boolean},
     {"health", words({"unknown", "healthy", "degraded", "unhealthy"})},
     {"restarts", integer},
     {"incarnation", integer},
     {"started_at", maybe("string")},
     {"uptime_seconds", number},
     {"cpu_percent", maybe("number")},
     {"memory_bytes", maybe("integer")},
     {"last_exit", {{"anyOf", document::array({last_exit, {{"type", "null"}}})}}}},
    {"name", "id", "state", "pid", "backend", "supervisor", "node", "ready", "health", "restarts", "incarnation"});
  result["daemons"] = list_of("daemon");
  result["event"] = object(
    {{"id", integer},
     {"at", time},
     {"kind", text_schema()},
     {"daemon", maybe("string")},
     {"supervisor", maybe("string")},
     {"node", maybe("string")},
     {"incarnation", maybe("integer")},
     {"cause", maybe("string")},
     {"text", text_schema()}},
    {"id", "at", "kind", "text"});
  result["events"] = list_of("event");
  result["node"] = object(
    {{"name", text_schema()},
     {"version", text_schema()},
     {"started_at", time},
     {"uptime_seconds", number},
     {"generation", integer},
     {"pid", integer},
     {"stopping", boolean}},
    {"name", "version", "pid"});
  result["tree"] = object(
    {{"node", text_schema()}, {"supervisors", {{"type", "array"}, {"items", {{"type", "object"}}}}}},
    {"node", "supervisors"});
  result["plan"] = object(
    {{"steps", {{"type", "array"}, {"items", {{"type", "object"}}}}}, {"unchanged", integer}}, {"steps", "unchanged"});
  result["daemon_spec"] = {{"type", "object"}, {"description", "A [[daemon]] of duende.toml; see schema.json."}};
  result["stack"] = {
    {"type", "object"}, {"description", "A whole duende.toml as JSON, or the TOML itself; see schema.json."}};
  result["resources"] = {{"type", "object"}};
  result["signal"] = object({{"signal", {{"type", document::array({"string", "integer"})}}}}, {"signal"});
  result["instances"] =
    object({{"instances", {{"type", "integer"}, {"minimum", 1}, {"maximum", 1000}}}}, {"instances"});
  result["samples"] = object(
    {{"daemon", text_schema()},
     {"node", text_schema()},
     {"last_seconds", number},
     {"interval_seconds", maybe("number")},
     {"samples", {{"type", "array"}, {"items", {{"type", "object"}}}}},
     {"detail", maybe("object")}},
    {"daemon", "last_seconds", "interval_seconds", "samples"});
  result["trace_order"] = object(
    {{"seconds", {{"type", "number"}, {"minimum", 0.1}, {"maximum", 60}}},
     {"z_score", {{"type", "number"}, {"minimum", 0.5}, {"maximum", 1000}}},
     {"method", words({"auto", "bpf", "sampling"})},
     {"exact", {{"type", "boolean"}}}});
  const document objects = {{"type", "array"}, {"items", {{"type", "object"}}}};
  result["trace"] = object(
    {{"daemon", text_schema()},
     {"node", text_schema()},
     {"pid", integer},
     {"method", words({"bpf", "sampling"})},
     {"note", maybe("string")},
     {"begun_at", time},
     {"seconds", number},
     {"listened_seconds", number},
     {"z_score", number},
     {"critical_path", {{"type", "object"}}},
     {"patterns", objects},
     {"anomalies", objects},
     {"calls", objects},
     {"errors", objects},
     {"slowest", objects},
     {"sites", objects},
     {"threads", objects},
     {"lost_samples", integer},
     {"lost_calls", integer}},
    {"daemon", "pid", "method", "seconds", "critical_path", "patterns", "anomalies", "calls", "threads"});
  result["problem"] = object(
    {{"type", text_schema()},
     {"title", text_schema()},
     {"status", integer},
     {"detail", text_schema()},
     {"errors", {{"type", "array"}, {"items", text_schema()}}}},
    {"type", "title", "status", "detail"});
  return result;
}

struct parameter_text {
  std::string_view name, type, about;
};

constexpr parameter_text query_parameters[] = {
  {"timeout", "duration", "how long to wait for the outcome, such as 30s"},
  {"wait", "boolean", "0: answer 202 at once"},
  {"rolling", "boolean", "all instances of that name, one after another"},
  {"logs", "boolean", "with where the logs lie"},
  {"base", "path", "absolute folder that relative paths start from"},
  {"file", "path", "absolute name that relative paths and errors refer to"},
  {"dry_run", "boolean", "only the plan"},
  {"tail", "integer", "the last so many lines"},
  {"follow", "boolean", "go on with what comes"},
  {"since", "time", "RFC 3339, or a duration back from now"},
  {"after", "integer", "only events with a larger id"},
  {"limit", "integer", "the newest so many"},
  {"daemon", "text", "names between commas"},
  {"kind", "text", "kinds of events between commas"},
  {"last", "duration", "so far back, such as 5m"},
  {"interval", "duration", "how often to sample from now on, such as 1s; at least 10ms"},
  {"detail", "boolean", "with what is read on demand: PSS, process tree, pressure of the machine, GPUs"},
};

document described_parameter(std::string_view name) {
  const auto* found = std::find_if(
    std::begin(query_parameters), std::end(query_parameters), [&](const auto& x) { return x.name == name; });
  document schema = text_schema();
  std::string about;
  if (found != std::end(query_parameters)) {
    about = found->about;
    if (found->type == "boolean")
      schema["enum"] = document::array({"1", "true", "0", "false", ""});
    else if (found->type == "integer")
      schema = {{"type", "integer"}, {"minimum", 0}};
    else if (found->type == "duration")
      schema["pattern"] = "^(0|([0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h|d))+)$";
    else if (found->type == "path")
      schema["pattern"] = "^/";
  }
  return {{"name", std::string{name}}, {"in", "query"}, {"description", about}, {"schema", std::move(schema)}};
}

/// The next word up to `separator`, taken off `text`.
std::string_view cut_word(std::string_view& text, char separator) {
  auto word = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(text.size(), word.size() + 1));
  return word;
}

document parameters_of(const route& x) {
  auto result = document::array();
  for (auto rest = x.path; !rest.empty();)
    if (auto part = cut_word(rest, '/'); part.starts_with('{'))
      result.push_back(
        {{"name", std::string{part.substr(1, part.size() - 2)}},
         {"in", "path"},
         {"required", true},
         {"schema", text_schema()}});
  for (auto rest = x.parameters; !rest.empty();)
    result.push_back(described_parameter(cut_word(rest, ' ')));
  if (x.path == "v1/events")
    result.push_back(
      {{"name", "Last-Event-ID"},
       {"in", "header"},
       {"description", "resume after this event"},
       {"schema", {{"type", "integer"}}}});
  return result;
}

document answers_of(const route& x) {
  document result;
  auto rest = x.answer;
  auto status = cut_word(rest, ' '), type = cut_word(rest, ' '), schema = cut_word(rest, ' ');
  if (status.empty()) {
    result["501"] = {{"description", "not supported by this version"}};
  } else {
    document good = {{"description", std::string{x.summary}}};
    if (!type.empty())
      good["content"][std::string{type}] =
        schema.empty() ? document::object() : document{{"schema", reference("schemas", schema)}};
    if (x.path == "v1/events")
      good["content"]["text/event-stream"] = {{"schema", text_schema()}};
    if (x.path.ends_with("logs"))
      good["content"]["application/x-ndjson"] = {{"schema", text_schema()}};
    result[std::string{status}] = good;
    if (x.parameters.find("wait") != std::string_view::npos)
      result["202"] = good;
  }
  if (x.path == "readyz")
    result["503"] = {{"description", "not every autostart daemon is running"}};
  if (x.parameters.find("timeout") != std::string_view::npos)
    result["504"] = reference("responses", "problem");
  result["default"] = reference("responses", "problem");
  return result;
}

document operation_of(const route& x) {
  document result = {{"summary", std::string{x.summary}}};
  if (auto parameters = parameters_of(x); !parameters.empty())
    result["parameters"] = std::move(parameters);
  if (!x.body.empty()) {
    document content;
    content["application/json"]["schema"] = reference("schemas", x.body);
    if (x.body == "stack")
      content["application/toml"]["schema"] = text_schema();
    result["requestBody"] = {{"required", true}, {"content", std::move(content)}};
  }
  result["responses"] = answers_of(x);
  if (x.open)
    result["security"] = document::array();
  return result;
}

} // namespace

http_response describe_api(const api_context&, const http_request&, const std::string&) {
  document whole = {
    {"openapi", "3.1.0"},
    {"info",
     {{"title", "duende"},
      {"version", DUENDE_VERSION},
      {"description", "The API of a node. Errors are RFC 9457 problem details."}}},
    {"security", document::array({{{"token", document::array()}}})}};
  auto& paths = whole["paths"] = document::object();
  for (const auto& x : all_routes()) {
    std::string method{x.method};
    std::transform(method.begin(), method.end(), method.begin(), [](char c) { return static_cast<char>(c | 0x20); });
    paths["/" + std::string{x.path}][method] = operation_of(x);
  }
  auto& components = whole["components"];
  components["securitySchemes"]["token"] = {
    {"type", "http"},
    {"scheme", "bearer"},
    {"description", "On TCP, where the node has tokens; a read-only one may GET."}};
  components["responses"]["problem"] = {
    {"description", "why not"},
    {"content", {{"application/problem+json", {{"schema", reference("schemas", "problem")}}}}}};
  components["schemas"] = schemas();
  return json_response(200, whole.dump());
}

} // namespace duende::api
