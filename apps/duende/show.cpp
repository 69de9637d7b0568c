#include "apps/duende/show.hpp"

#include "core/time.hpp"
#include "core/units.hpp"

#include <ctime>

namespace duende::cli {

bool goes_by(const json& daemon, const std::string& name) {
  return text_of(daemon, "name") == name || text_of(daemon, "instance_of") == name;
}

std::string text_of(const json& object, const char* key) {
  auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

double number_of(const json& object, const char* key) {
  auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() && found->is_number() ? found->get<double>() : 0;
}

namespace {

duration seconds(double value) {
  return std::chrono::duration_cast<duration>(std::chrono::duration<double>(std::min(std::max(value, 0.0), 1e9)));
}

bool is_number(const json& object, const char* key) { return object.contains(key) && object[key].is_number(); }

} // namespace

std::string daemon_note(const json& daemon) {
  auto text = text_of(daemon, "status_text");
  auto state = text_of(daemon, "state");
  auto add = [&](const std::string& more) { text += (text.empty() || more.empty() ? "" : "; ") + more; };
  if (is_number(daemon, "next_restart_seconds"))
    add("restarts in " + human_duration(seconds(number_of(daemon, "next_restart_seconds"))));
  if (auto next = parse_rfc3339(text_of(daemon, "next_run_at")); next && state != "running")
    add("next run in " + human_duration(std::max<duration>(*next - wall_now(), {})));
  if (state == "running" && !daemon.value("ready", true))
    add("not ready");
  if (auto health = text_of(daemon, "health"); health != "unknown" && health != "healthy")
    add(health);
  if (state != "running" && daemon.contains("last_exit") && daemon["last_exit"].is_object())
    add(text_of(daemon["last_exit"], "text"));
  return printable(text);
}

std::vector<cell> daemon_row(const json& daemon) {
  auto state = text_of(daemon, "state");
  bool alive = is_number(daemon, "pid");
  bool up = state == "running" || state == "paused" || state == "stopping" || state == "starting";
  auto cpu = is_number(daemon, "cpu_percent") ? fmt::format("{:.1f}%", number_of(daemon, "cpu_percent")) : "-";
  auto memory = is_number(daemon, "memory_bytes")
                  ? human_bytes(static_cast<std::uint64_t>(number_of(daemon, "memory_bytes")))
                  : "-";
  return {
    {printable(text_of(daemon, "name"))},
    {state, color_of_state(state)},
    {alive ? fmt::format("{}", static_cast<long>(number_of(daemon, "pid"))) : "-", color::none, true},
    {fmt::format("{}", static_cast<std::uint64_t>(number_of(daemon, "restarts"))), color::none, true},
    {up ? human_duration(seconds(number_of(daemon, "uptime_seconds"))) : "-", color::none, true},
    {cpu, color::none, true},
    {memory, color::none, true},
    {daemon_note(daemon)},
  };
}

color color_of_event(const std::string& kind) {
  if (kind == "exit" || kind == "give_up" || kind == "escalation" || kind == "andon" || kind == "policy")
    return color::red;
  if (kind == "running" || kind == "ready" || kind == "resumed")
    return color::green;
  if (kind == "backoff" || kind == "restart" || kind == "paused" || kind == "limit" || kind == "health")
    return color::yellow;
  return color::cyan;
}

std::string local_time(const std::string& rfc3339) {
  auto at = parse_rfc3339(rfc3339);
  if (!at)
    return rfc3339;
  auto since_epoch = at->time_since_epoch().count();
  auto whole = static_cast<std::time_t>(since_epoch / 1000);
  std::tm parts{};
  localtime_r(&whole, &parts);
  return fmt::format("{:02}:{:02}:{:02}.{:03}", parts.tm_hour, parts.tm_min, parts.tm_sec, since_epoch % 1000);
}

std::string event_line(const json& event, bool colored) {
  auto kind = text_of(event, "kind");
  return fmt::format(
    "{}  {}  {}", paint(local_time(text_of(event, "at")), color::dim, colored),
    paint(fmt::format("{:<10}", kind), color_of_event(kind), colored), printable(text_of(event, "text")));
}

} // namespace duende::cli
