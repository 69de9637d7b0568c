// /v1/daemons and what is done to one of them.
#include "actors/api/crashes.hpp"
#include "actors/api/json.hpp"
#include "actors/api/parameters.hpp"
#include "actors/api/routes.hpp"
#include "actors/api/sandbox.hpp"
#include "actors/api/usage.hpp"
#include "core/config/load.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace duende::api {
namespace {

http_response daemon_response(const api_context& context, int status, const daemon_status& daemon) {
  std::string body;
  json_writer out{body};
  write_json(out, daemon, context.node.info().name, usage_of(daemon));
  return json_response(status, std::move(body));
}

} // namespace

http_response list_daemons(const api_context& context, const http_request& request, const std::string&) {
  auto with_logs = flag_parameter(request, "logs", false);
  if (!with_logs)
    return malformed(with_logs.error());
  auto daemons = context.node.daemons();
  if (!daemons)
    return problem(daemons.error());
  auto node = context.node.info().name;
  std::string body;
  body.reserve(daemons->size() * 512);
  json_writer out{body};
  out.begin_array();
  for (const auto& daemon : *daemons) {
    auto logs = *with_logs ? context.node.logs(daemon.name) : caf::expected<log_location>{log_location{}};
    write_json(out, daemon, node, usage_of(daemon), *with_logs && logs ? &*logs : nullptr);
  }
  out.end_array();
  return json_response(200, std::move(body));
}

http_response show_daemon(const api_context& context, const http_request&, const std::string& name) {
  auto daemon = context.node.daemon(name);
  if (!daemon)
    return problem(daemon.error());
  auto logs = context.node.logs(name);
  std::string body;
  json_writer out{body};
  write_json(
    out, *daemon, context.node.info().name, usage_of(*daemon), logs ? &*logs : nullptr, [&](json_writer& more) {
      write_last_crash(more, context.node, name);
      write_sandbox(more, context.node, *daemon);
    });
  return json_response(200, std::move(body));
}

http_response add_daemon(const api_context& context, const http_request& request, const std::string&) {
  if (!nlohmann::json::accept(request.body))
    return problem(400, "malformed", "Malformed JSON", "the body is not JSON: send one [[daemon]] as a JSON object");
  auto base = request.parameter("base");
  if (!base.empty() && base.front() != '/')
    return malformed(fail(errc::invalid_config, "parameter 'base': '{}' is not an absolute path", base));
  auto loaded = load_daemon_json(request.body, base.empty() ? "/" : std::string{base});
  if (!loaded.ok() || loaded.value.daemons.size() != 1) {
    std::string text;
    for (const auto& error : loaded.errors)
      text += (text.empty() ? "" : "\n") + to_string(error);
    return problem(make_error(errc::invalid_config, text.empty() ? "no daemon in the body" : text));
  }
  auto added = context.node.add(std::move(loaded.value.daemons.front()));
  if (!added)
    return problem(added.error());
  auto response = daemon_response(context, 201, *added);
  response.headers.emplace_back("Location", "/v1/daemons/" + percent_encode(added->name));
  return response;
}

http_response remove_daemon(const api_context& context, const http_request& request, const std::string& name) {
  auto timeout = timeout_parameter(request);
  if (!timeout)
    return malformed(timeout.error());
  if (auto removed = context.node.remove(name, *timeout); !removed)
    return problem(removed.error());
  return {204, "", "", {}, {}};
}

http_response act_on_daemon(const api_context& context, const http_request& request, const std::string& name) {
  auto what = parse_verb(request.segments.back());
  auto timeout = timeout_parameter(request);
  auto wait = flag_parameter(request, "wait", true);
  if (!timeout || !wait)
    return malformed(timeout ? wait.error() : timeout.error());
  auto rolling = flag_parameter(request, "rolling", false);
  if (!rolling)
    return malformed(rolling.error());
  if (*rolling && *what != verb::restart)
    return problem(fail(errc::invalid_config, "parameter 'rolling' is for restart"));
  if (*rolling) {
    auto replaced = context.node.roll(name, *timeout);
    return replaced ? json_response(200, nlohmann::json{{"replaced", *replaced}}.dump()) : problem(replaced.error());
  }
  auto done = context.node.act(*what, name, *timeout, *wait);
  return done ? daemon_response(context, *wait ? 200 : 202, *done) : problem(done.error());
}

http_response limit_daemon(const api_context& context, const http_request& request, const std::string& name) {
  if (!nlohmann::json::accept(request.body))
    return problem(
      400, "malformed", "Malformed JSON", "the body is not JSON: send keys of [daemon.resources], {\"pids_max\":100}");
  auto changed = context.node.limit(name, request.body);
  return changed ? daemon_response(context, 200, *changed) : problem(changed.error());
}

http_response scale_daemon(const api_context& context, const http_request& request, const std::string& name) {
  auto body = nlohmann::json::parse(request.body, nullptr, false);
  if (body.is_discarded())
    return problem(400, "malformed", "Malformed JSON", "the body is not JSON: send {\"instances\":3}");
  auto member = body.is_object() ? body.find("instances") : body.end();
  if (
    !body.is_object() || member == body.end() || !member->is_number_unsigned()
    || member->get<std::uint64_t>() > 1'000'000)
    return problem(fail(errc::invalid_config, "instances: expected {{\"instances\":3}} with a number from 1 on"));
  auto plan = context.node.scale(name, member->get<std::uint32_t>());
  if (!plan)
    return problem(plan.error());
  std::string text;
  json_writer out{text};
  write_json(out, *plan);
  return json_response(200, std::move(text));
}

http_response signal_daemon(const api_context& context, const http_request& request, const std::string& name) {
  auto body = nlohmann::json::parse(request.body, nullptr, false);
  if (body.is_discarded())
    return problem(400, "malformed", "Malformed JSON", "the body is not JSON: send {\"signal\":\"USR1\"}");
  auto member = body.is_object() ? body.find("signal") : body.end();
  int number = 0;
  if (body.is_object() && member != body.end() && member->is_string())
    number = signal_number(member->get_ref<const std::string&>());
  else if (body.is_object() && member != body.end() && member->is_number_unsigned() && member->get<unsigned>() <= 64)
    number = member->get<int>();
  if (number <= 0)
    return problem(
      fail(errc::invalid_config, "signal: expected {{\"signal\":\"USR1\"}} with the name or number of a signal"));
  if (auto sent = context.node.signal(name, number); !sent)
    return problem(sent.error());
  return {204, "", "", {}, {}};
}

} // namespace duende::api
