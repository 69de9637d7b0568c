#include "actors/api/route_table.hpp"

#include <fmt/format.h>

#include <array>

namespace duende::api {
namespace {

http_response later(const api_context&, const http_request& request, const std::string&) {
  return problem(
    501, "unsupported", "Not implemented",
    fmt::format("{} {} is not supported by this version", request.method, request.target.substr(0, 200)));
}

constexpr route get(
  std::string_view path, decltype(route::fn) fn, std::string_view summary, std::string_view answer,
  std::string_view parameters = {}) {
  return {"GET", path, fn, summary, parameters, {}, answer};
}

constexpr route post(
  std::string_view path, decltype(route::fn) fn, std::string_view summary, std::string_view answer,
  std::string_view parameters = {}, std::string_view body = {}) {
  return {"POST", path, fn, summary, parameters, body, answer};
}

constexpr route without_token(route x) {
  x.open = true;
  return x;
}

constexpr route for_scrapers(route x) {
  x.metrics = true;
  return x;
}

constexpr std::string_view one_daemon = "200 application/json daemon";

constexpr std::array table = {
  without_token(get("", show_page, "the web page", "200 text/html")),
  without_token(get("page/{version}/{file}", show_page_part, "what the page loads", "200 */*")),
  without_token(for_scrapers(get("healthz", check_health, "whether the node lives", "200 text/plain"))),
  for_scrapers(
    get("readyz", check_ready, "whether every autostart daemon is running; 503 while not", "200 text/plain")),
  for_scrapers(get("metrics", show_metrics, "metrics as Prometheus text", "200 text/plain")),
  get("v1/openapi.json", describe_api, "this description", "200 application/json"),
  get("v1/node", show_node, "the node", "200 application/json node"),
  post("v1/node/stop", stop_node, "begin an orderly stop of everything", "202 application/json node"),
  post("v1/node/upgrade", upgrade_node, "give way to the program on disk", "202 application/json node"),
  get("v1/daemons", list_daemons, "all daemons", "200 application/json daemons", "logs"),
  post("v1/daemons", add_daemon, "add one", "201 application/json daemon", "base", "daemon_spec"),
  get("v1/daemons/{name}", show_daemon, "one daemon", one_daemon),
  route{"DELETE", "v1/daemons/{name}", remove_daemon, "stop and forget", "timeout", {}, "204"},
  post("v1/daemons/{name}/start", act_on_daemon, "start, and wait until it runs", one_daemon, "timeout wait"),
  post("v1/daemons/{name}/stop", act_on_daemon, "stop, and wait for the end", one_daemon, "timeout wait"),
  post(
    "v1/daemons/{name}/restart", act_on_daemon, "restart, and wait until it runs again", one_daemon,
    "timeout wait rolling"),
  post("v1/daemons/{name}/pause", act_on_daemon, "freeze", one_daemon, "timeout wait"),
  post("v1/daemons/{name}/resume", act_on_daemon, "continue what is paused", one_daemon, "timeout wait"),
  post("v1/daemons/{name}/reload", act_on_daemon, "SIGHUP, or the daemon's reload hook", one_daemon, "timeout wait"),
  post("v1/daemons/{name}/signal", signal_daemon, "send a signal", "204", {}, "signal"),
  post("v1/daemons/{name}/scale", scale_daemon, "so many instances", "200 application/json plan", {}, "instances"),
  route{"PATCH", "v1/daemons/{name}/resources", limit_daemon, "change limits, same pid", {}, "resources", one_daemon},
  get("v1/daemons/{name}/logs", show_logs, "what it wrote", "200 text/plain", "tail follow since"),
  get(
    "v1/daemons/{name}/crashes", list_crashes_of, "reports of abnormal ends, the oldest first", "200 application/json"),
  get("v1/daemons/{name}/crashes/{id}", show_crash, "one crash report", "200 application/json"),
  get(
    "v1/daemons/{name}/samples", show_samples,
    "what its process used, sample by sample; asking has it sampled for another minute", "200 application/json samples",
    "last interval detail"),
  post(
    "v1/daemons/{name}/trace", trace_daemon, "trace its system calls for a while; the answer ends with the trace",
    "200 application/json trace", {}, "trace_order"),
  get("v1/logs", follow_all_logs, "what all daemons wrote", "200 text/plain", "tail follow since"),
  get(
    "v1/events", list_events, "what happened; Accept: text/event-stream follows", "200 application/json events",
    "since after limit daemon kind"),
  get("v1/tree", show_tree, "the supervision tree", "200 application/json tree"),
  post("v1/apply", apply_stack, "converge to a stack", "200 application/json plan", "dry_run file", "stack"),
  get("v1/nodes", later, "nodes of the cluster", {}),
  post("v1/nodes/{node}/drain", later, "move daemons away", {}),
  post("v1/nodes/{node}/undrain", later, "let daemons come back", {}),
};

} // namespace

std::span<const route> all_routes() { return table; }

} // namespace duende::api
