// Rows of [node.otlp]. It has a struct of its own, beside the node's.
#include "core/config/fields.hpp"
#include "core/config/special.hpp"
#include "core/otlp_spec.hpp"

#include <array>

namespace duende::config {
namespace {

constexpr double most_queue = 1ull << 30;

/// What an endpoint can't be: libcurl would be asked for another thing than what is written.
std::string_view fault_of(std::string_view url) {
  if (!url.starts_with("http://") && !url.starts_with("https://"))
    return "expected a URL that begins with http:// or https://";
  if (url.find_first_of("?#") != url.npos)
    return "a URL without '?' and '#', as /v1/metrics and the like are put behind it";
  if (url.find('@') != url.npos)
    return "no user and password here: write them to headers_file";
  return {};
}

void set_endpoint(context& c, const rule& r, const value& v) {
  std::string url;
  assign(c, r, v, url);
  if (url.empty()) // told already
    return;
  if (auto fault = fault_of(url); !fault.empty())
    return c.error(v.at, "'{}{}': {}", c.path, r.key, fault);
  while (url.ends_with('/'))
    url.pop_back();
  c.as<otlp_spec>().endpoint = std::move(url);
}

void set_otlp(context& c, const rule& r, const value& v) {
  context inner{c.errors, c.file, c.dir, c.otlp, c.notes, c.path + "otlp.", c.otlp};
  read_section(inner, "node.otlp", v);
  if (v.find("endpoint") == nullptr)
    c.error(v.at, "'{}{}' needs 'endpoint', such as \"http://127.0.0.1:4318\"", c.path, r.key);
}

const auto rows = std::to_array<rule>({
  {"node", "otlp", shape::section, "Export of metrics, logs and spans to an OpenTelemetry collector over OTLP/HTTP.",
   set_otlp},
  {"node.otlp", "endpoint", shape::url,
   "The collector: http://HOST:PORT or https://; /v1/metrics, /v1/logs and /v1/traces are put behind it. Without it "
   "nothing is exported.",
   set_endpoint, get_field<otlp_spec, &otlp_spec::endpoint>},
  row<otlp_spec, &otlp_spec::metrics>(
    "node.otlp", "metrics", shape::boolean, "Export the same figures as /metrics, every 'interval'."),
  row<otlp_spec, &otlp_spec::logs>("node.otlp", "logs", shape::boolean, "Export each line that daemons print."),
  row<otlp_spec, &otlp_spec::traces>(
    "node.otlp", "traces", shape::boolean, "Export spans of starts, stops, restarts, health and changing requests."),
  within(
    row<otlp_spec, &otlp_spec::interval>("node.otlp", "interval", shape::duration, "So often metrics are exported."),
    0.1, 86400),
  row<otlp_spec, &otlp_spec::headers_file>(
    "node.otlp", "headers_file", shape::path,
    "File of \"Name: value\" lines that go with each request, for authentication; read before each."),
  within(row<otlp_spec, &otlp_spec::timeout>("node.otlp", "timeout", shape::duration, "Of one request."), 0.1, 600),
  within(
    row<otlp_spec, &otlp_spec::queue>(
      "node.otlp", "queue", shape::size,
      "So much is held for a collector that does not take it, of each of the three; then the oldest is dropped and "
      "counted."),
    1 << 16, most_queue),
});

} // namespace

std::span<const rule> otlp_rules() { return rows; }

} // namespace duende::config
