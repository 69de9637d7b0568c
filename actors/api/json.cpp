#include "actors/api/json.hpp"

#include "core/time.hpp"

#include <fmt/format.h>

#include <cmath>

namespace duende::api {
namespace {

/// The length of the UTF-8 sequence at the start of `text`; 0 where it is none (RFC 3629: no surrogates, no overlong forms).
std::size_t sequence_length(std::string_view text) {
  auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  auto follows = [&](std::size_t i) { return (byte(i) & 0xc0u) == 0x80u; };
  unsigned lead = byte(0);
  if (lead < 0x80)
    return 1;
  if (lead >= 0xc2 && lead <= 0xdf)
    return follows(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    if ((lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xed && byte(1) > 0x9f))
      return 0;
    return follows(1) && follows(2) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    if ((lead == 0xf0 && byte(1) < 0x90) || (lead == 0xf4 && byte(1) > 0x8f))
      return 0;
    return follows(1) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    char c = text.front();
    auto length = sequence_length(text);
    if (length == 0) {
      out += "\xef\xbf\xbd";
      length = 1;
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out.append(text.substr(0, length));
    }
    text.remove_prefix(length);
  }
  out += '"';
}

std::optional<std::string> rfc3339(const std::optional<wall_time>& at) {
  return at ? std::optional{to_rfc3339(*at)} : std::nullopt;
}

} // namespace

void json_writer::separate() {
  if (!first_)
    out_ += ',';
  first_ = false;
}

json_writer& json_writer::open(char c) {
  separate();
  out_ += c;
  first_ = true;
  return *this;
}

json_writer& json_writer::close(char c) {
  out_ += c;
  first_ = false;
  return *this;
}

json_writer& json_writer::key(std::string_view name) {
  separate();
  append_quoted(out_, name);
  out_ += ':';
  first_ = true;
  return *this;
}

json_writer& json_writer::value(std::string_view text) {
  separate();
  append_quoted(out_, text);
  return *this;
}

json_writer& json_writer::value(bool x) {
  separate();
  out_ += x ? "true" : "false";
  return *this;
}

json_writer& json_writer::value(std::int64_t x) {
  separate();
  out_ += fmt::format_int(x).c_str();
  return *this;
}

json_writer& json_writer::value(std::uint64_t x) {
  separate();
  out_ += fmt::format_int(x).c_str();
  return *this;
}

json_writer& json_writer::value(double x) {
  if (!std::isfinite(x))
    return null();
  separate();
  auto text = fmt::format("{:.3f}", x);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.'))
    text += '0';
  out_ += text;
  return *this;
}

json_writer& json_writer::null() {
  separate();
  out_ += "null";
  return *this;
}

void write_json(
  json_writer& out, const daemon_status& daemon, std::string_view node, const usage_figures& usage,
  const log_location* logs, const std::function<void(json_writer&)>& more) {
  out.begin_object();
  out.member("name", daemon.name).member("id", to_string(daemon.id)).member("state", to_string(daemon.state));
  out.member("pid", daemon.pid > 0 ? std::optional{daemon.pid} : std::nullopt);
  out.member("backend", daemon.backend).member("supervisor", daemon.supervisor).member("node", node);
  out.member("ready", daemon.ready).member("health", to_string(daemon.health));
  out.member("restarts", daemon.restarts).member("incarnation", daemon.incarnation);
  out.member("started_at", rfc3339(daemon.started_at)).member("uptime_seconds", daemon.uptime_seconds);
  out.member("cpu_percent", usage.cpu_percent).member("memory_bytes", usage.memory_bytes);
  out.key("last_exit");
  if (daemon.last) {
    out.begin_object();
    out.member("cause", to_string(daemon.last->reason.cause)).member("value", daemon.last->reason.value);
    out.member("text", daemon.last->text).member("at", to_rfc3339(daemon.last->at));
    out.end_object();
  } else {
    out.null();
  }
  out.member("desired", to_string(daemon.desired)).member("status_text", daemon.status_text);
  if (!daemon.instance_of.empty())
    out.member("instance_of", daemon.instance_of);
  out.member("next_restart_seconds", daemon.next_restart_seconds);
  if (daemon.scheduled)
    out.member("next_run_at", rfc3339(daemon.next_run_at))
      .member("last_run_at", rfc3339(daemon.last_run_at))
      .member("skipped_runs", daemon.skipped_runs);
  out.member("description", daemon.description).member("version", daemon.version);
  out.member("cpu_seconds", usage.cpu_seconds);
  if (logs != nullptr) {
    out.key("logs").begin_object().member("dir", logs->dir).member("timestamps", logs->timestamps);
    out.member("merged", logs->merged).end_object();
  }
  if (more)
    more(out);
  out.end_object();
}

void write_json(json_writer& out, const event& x) {
  out.begin_object();
  out.member("id", x.id).member("at", to_rfc3339(x.at)).member("kind", to_string(x.kind));
  out.member("daemon", x.daemon).member("supervisor", x.supervisor).member("node", x.node);
  out.member("incarnation", x.incarnation);
  out.member("cause", x.cause ? std::optional{to_string(*x.cause)} : std::nullopt);
  out.member("text", x.text);
  out.end_object();
}

void write_json(json_writer& out, const apply_plan& plan) {
  auto word = [](plan_action action) {
    return action == plan_action::add ? "add" : action == plan_action::change ? "change" : "remove";
  };
  out.begin_object();
  out.key("steps").begin_array();
  for (const auto& step : plan.steps) {
    out.begin_object();
    out.member("action", word(step.action)).member("kind", step.is_supervisor ? "supervisor" : "daemon");
    out.member("name", step.name);
    out.key("keys").begin_array();
    for (const auto& key : step.keys)
      out.value(key);
    out.end_array();
    out.member("restarts", step.restarts).member("text", to_string(step));
    out.end_object();
  }
  out.end_array();
  out.member("unchanged", std::uint64_t{plan.unchanged});
  out.end_object();
}

void write_json(json_writer& out, const node_info& info) {
  auto uptime = std::chrono::duration<double>(wall_now() - info.started_at).count();
  out.begin_object();
  out.member("name", info.name).member("version", info.version);
  out.member("started_at", to_rfc3339(info.started_at)).member("uptime_seconds", uptime);
  out.member("generation", info.generation).member("pid", info.pid).member("keeper_pid", info.keeper_pid);
  out.member("state_dir", info.state_dir).member("metrics", info.metrics).member("stopping", info.stopping);
  out.key("backends").begin_array();
  out.begin_object().member("name", "native").member("available", true);
  out.member("text", "processes through the keeper").end_object();
  out.end_array();
  out.end_object();
}

} // namespace duende::api
