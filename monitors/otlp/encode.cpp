#include "monitors/otlp/encode.hpp"

#include <nlohmann/json.hpp>

#include <array>

namespace duende {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, otlp_signal_count> words{"metrics", "logs", "traces"};
/// "Resource<part>" holds "scope<part>", which holds `items`.
struct shape_of_signal {
  const char *resource, *scope, *items;
};
constexpr std::array<shape_of_signal, otlp_signal_count> shapes{
  {{"resourceMetrics", "scopeMetrics", "metrics"},
   {"resourceLogs", "scopeLogs", "logRecords"},
   {"resourceSpans", "scopeSpans", "spans"}}};

constexpr int status_error = 2;

std::string as_text(const json& x) { return x.dump(-1, ' ', false, json::error_handler_t::replace); }

json as_json(const otlp_value& x) {
  struct to_json {
    json operator()(const std::string& text) const { return {{"stringValue", text}}; }
    json operator()(std::int64_t number) const { return {{"intValue", std::to_string(number)}}; }
    json operator()(double number) const { return {{"doubleValue", number}}; }
    json operator()(bool flag) const { return {{"boolValue", flag}}; }
  };
  return std::visit(to_json{}, x);
}

json as_json(const otlp_attributes& all) {
  auto result = json::array();
  for (const auto& [key, value] : all)
    result.push_back({{"key", key}, {"value", as_json(value)}});
  return result;
}

} // namespace

std::string_view to_string(otlp_signal which) { return words[static_cast<std::size_t>(which)]; }

unix_nanos unix_nanos_now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(since).count();
}

otlp_envelope envelope_of(otlp_signal which, const otlp_resource& from) {
  const auto& names = shapes[static_cast<std::size_t>(which)];
  otlp_attributes who{
    {"service.name", "duende"}, {"service.instance.id", from.node}, {"service.version", from.version}};
  if (!from.host.empty())
    who.emplace_back("host.name", from.host);
  if (from.pid != 0)
    who.emplace_back("process.pid", from.pid);
  const json resource{{"attributes", as_json(who)}};
  const json scope{{"name", "duende"}, {"version", from.version}};
  otlp_envelope result;
  result.before = std::string{"{\""} + names.resource + R"(":[{"resource":)" + as_text(resource) + ",\"" + names.scope
                  + R"(":[{"scope":)" + as_text(scope) + ",\"" + names.items + "\":[";
  result.after = "]}]}]}";
  return result;
}

std::string encode(const span& x) {
  json result{
    {"traceId", hex_text(x.context.trace_id)},
    {"spanId", hex_text(x.context.span_id)},
    {"flags", x.context.flags},
    {"name", x.name},
    {"kind", static_cast<int>(x.kind)},
    {"startTimeUnixNano", std::to_string(x.begin)},
    {"endTimeUnixNano", std::to_string(std::max(x.begin, x.end))}, // the clock may have been set back
    {"attributes", as_json(x.attributes)}};
  if (!x.context.state.empty())
    result["traceState"] = x.context.state;
  if (x.parent)
    result["parentSpanId"] = hex_text(*x.parent);
  if (x.failure)
    result["status"] = {{"code", status_error}, {"message", *x.failure}};
  if (x.link)
    result["links"] = json::array({{{"traceId", hex_text(x.link->trace_id)}, {"spanId", hex_text(x.link->span_id)}}});
  return as_text(result);
}

std::string encode(const log_line& x) {
  otlp_attributes of{{"daemon", std::string{x.daemon}}, {"log.iostream", std::string{x.stream}}};
  if (!x.supervisor.empty())
    of.emplace_back("supervisor", std::string{x.supervisor});
  const auto at = std::to_string(x.at);
  return as_text(
    {{"timeUnixNano", at},
     {"observedTimeUnixNano", at},
     {"body", {{"stringValue", std::string{x.text}}}},
     {"attributes", as_json(of)}});
}

} // namespace duende
