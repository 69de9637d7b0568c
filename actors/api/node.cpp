// The node itself: health, metrics, the tree, apply and stop.
#include "actors/api/json.hpp"
#include "actors/api/parameters.hpp"
#include "actors/api/routes.hpp"
#include "core/config/load.hpp"
#include "core/config/value.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <unordered_map>

namespace duende::api {
namespace {

http_response text_response(int status, std::string body, std::string content_type = "text/plain; charset=utf-8") {
  return {status, std::move(content_type), std::move(body), {}, {}};
}

bool sent_as_json(const http_request& request) {
  auto type = request.header("content-type");
  if (type.find("json") != std::string_view::npos)
    return true;
  if (type.find("toml") != std::string_view::npos)
    return false;
  auto first = request.body.find_first_not_of(" \t\r\n");
  return first != std::string::npos && request.body[first] == '{';
}

} // namespace

http_response show_node(const api_context& context, const http_request&, const std::string&) {
  std::string body;
  json_writer out{body};
  write_json(out, context.node.info());
  return json_response(200, std::move(body));
}

http_response stop_node(const api_context& context, const http_request&, const std::string&) {
  auto info = context.node.info();
  context.node.shutdown();
  info.stopping = true;
  std::string body;
  json_writer out{body};
  write_json(out, info);
  return json_response(202, std::move(body));
}

http_response upgrade_node(const api_context& context, const http_request&, const std::string&) {
  auto info = context.node.info();
  if (auto begun = context.node.upgrade(); !begun)
    return problem(begun.error());
  std::string body;
  json_writer out{body};
  write_json(out, info);
  return json_response(202, std::move(body));
}

http_response check_health(const api_context&, const http_request&, const std::string&) {
  return text_response(200, "ok\n");
}

http_response check_ready(const api_context& context, const http_request&, const std::string&) {
  if (context.node.all_ready())
    return text_response(200, "ok\n");
  return text_response(503, "not every autostart daemon is running\n");
}

http_response show_metrics(const api_context& context, const http_request&, const std::string&) {
  return text_response(200, context.node.metrics(), "text/plain; version=0.0.4; charset=utf-8");
}

http_response show_tree(const api_context& context, const http_request&, const std::string&) {
  auto supervisors = context.node.supervisors();
  if (!supervisors)
    return problem(supervisors.error());
  auto daemons = context.node.daemons();
  if (!daemons)
    return problem(daemons.error());
  std::unordered_map<std::string_view, const daemon_status*> by_name;
  for (const auto& daemon : *daemons)
    by_name.emplace(daemon.name, &daemon);
  std::string body;
  json_writer out{body};
  out.begin_object().member("node", context.node.info().name);
  out.key("supervisors").begin_array();
  for (const auto& supervisor : *supervisors) {
    out.begin_object().member("name", supervisor.name);
    out.member("parent", supervisor.parent.empty() ? std::nullopt : std::optional{supervisor.parent});
    out.member("strategy", to_string(supervisor.strategy)).member("state", to_string(supervisor.state));
    out.key("intensity").begin_object().member("restarts", supervisor.intensity.restarts);
    out.member("window_seconds", std::chrono::duration<double>(supervisor.intensity.window).count()).end_object();
    out.member("restarts", supervisor.restarts).member("escalations", supervisor.escalations);
    out.key("children").begin_array();
    for (const auto& child : supervisor.children) {
      auto found = by_name.find(child);
      out.begin_object().member("kind", found == by_name.end() ? "supervisor" : "daemon").member("name", child);
      if (found != by_name.end()) {
        const auto& daemon = *found->second;
        out.member("state", to_string(daemon.state)).member("ready", daemon.ready);
        out.member("pid", daemon.pid > 0 ? std::optional{daemon.pid} : std::nullopt);
        out.member("restarts", daemon.restarts);
      }
      out.end_object();
    }
    out.end_array().end_object();
  }
  out.end_array().end_object();
  return json_response(200, std::move(body));
}

http_response apply_stack(const api_context& context, const http_request& request, const std::string&) {
  auto dry_run = flag_parameter(request, "dry_run", false);
  if (!dry_run)
    return malformed(dry_run.error());
  auto file = std::string{request.parameter("file")};
  if (!file.empty() && file.front() != '/')
    return malformed(fail(errc::invalid_config, "parameter 'file': '{}' is not an absolute path", file));
  auto format = sent_as_json(request) ? config_format::json : config_format::toml;
  if (format == config_format::json && !nlohmann::json::accept(request.body))
    return problem(400, "malformed", "Malformed JSON", "the body is not JSON");
  auto base = file.empty() ? "/" : file.substr(0, std::max<std::size_t>(file.rfind('/'), 1));
  auto shown = file.empty() ? std::string{"request"} : file;
  auto loaded = load_text(request.body, format, shown, base);
  if (!loaded.ok()) {
    std::string text;
    for (const auto& error : loaded.errors)
      text += (text.empty() ? "" : "\n") + to_string(error);
    auto refused = make_error(errc::invalid_config, text);
    bool unreadable = format == config_format::toml && !config::parse_toml(request.body).errors.empty();
    return unreadable ? malformed(refused) : problem(refused);
  }
  auto plan = context.node.apply(std::move(loaded.value), *dry_run);
  if (!plan)
    return problem(plan.error());
  std::string body;
  json_writer out{body};
  write_json(out, *plan);
  return json_response(200, std::move(body));
}

} // namespace duende::api
