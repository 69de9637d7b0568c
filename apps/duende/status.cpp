#include "apps/duende/client.hpp"
#include "apps/duende/commands.hpp"
#include "apps/duende/sandbox_view.hpp"
#include "apps/duende/show.hpp"
#include "core/units.hpp"

namespace duende::cli {
namespace {

constexpr std::size_t shown_lines = 10;

void line(std::string_view key, std::string_view value) {
  if (!value.empty())
    fmt::print("{:<14}{}\n", key, printable(value));
}

std::string moment(const json& object, const char* key) {
  auto text = text_of(object, key);
  return text.empty() ? text : fmt::format("{} ({})", text, local_time(text));
}

/// JSON lines as an array.
json lines_of(const std::string& text) {
  auto lines = json::array();
  for (std::string_view rest = text; !rest.empty();) {
    auto one = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    if (auto parsed = json::parse(one, nullptr, false); parsed.is_object())
      lines.push_back(std::move(parsed));
  }
  return lines;
}

void show_lines(const std::string& title, const json& lines) {
  if (!lines.is_array() || lines.empty())
    return;
  fmt::print("\n{}\n", title);
  for (auto i = lines.size() - std::min(lines.size(), shown_lines); i < lines.size(); ++i) {
    auto at = text_of(lines[i], "at");
    fmt::print(
      "  {}{}{}\n", at.empty() ? at : local_time(at), at.empty() ? "" : "  ", printable(text_of(lines[i], "text")));
  }
}

/// What a crash report knows beside the log.
void show_report(const json& report) {
  line("core", text_of(report.value("core", json{}), "text"));
  const auto samples = report.value("samples", json::array());
  if (!samples.is_array() || samples.empty())
    return;
  const auto& last = samples.back();
  auto figure = [&](const char* key) { return static_cast<std::uint64_t>(number_of(last, key)); };
  auto text = fmt::format("{} at {}", human_bytes(figure("memory_bytes")), local_time(text_of(last, "at")));
  if (last.contains("cpu_percent") && last["cpu_percent"].is_number())
    text += fmt::format(", {:.1f}% CPU", number_of(last, "cpu_percent"));
  line("last used", fmt::format("{}, {} threads, {} descriptors", text, figure("threads"), figure("open_fds")));
}

} // namespace

int status(const context& c, const std::string& name, bool as_json) {
  client node{c.socket()};
  auto daemon = node.send_json({.target = daemon_target(name)});
  if (!daemon)
    return report(fmt::format("cannot show '{}'", name), daemon.error());
  auto events = node.send_json({.target = "/v1/events?limit=10&daemon=" + api_encode(name)});
  auto log = node.send(
    {.target = daemon_target(name, fmt::format("/logs?tail={}", shown_lines)),
     .headers = {{"Accept", "application/x-ndjson"}}});
  auto lines = log ? lines_of(*log) : json::array();
  if (as_json) {
    (*daemon)["events"] = events ? *events : json::array();
    (*daemon)["log_lines"] = lines;
    fmt::print("{}\n", daemon->dump(2));
    return done;
  }
  bool colored = use_color(c);
  auto state = text_of(*daemon, "state");
  fmt::print("{}  {}\n", paint(printable(name), color::bold, colored), paint(state, color_of_state(state), colored));
  line("note", daemon_note(*daemon));
  line("description", text_of(*daemon, "description"));
  line("version", text_of(*daemon, "version"));
  line("id", text_of(*daemon, "id"));
  if (number_of(*daemon, "pid") > 0)
    line("pid", std::to_string(static_cast<long>(number_of(*daemon, "pid"))));
  line("supervisor", fmt::format("{} on node {}", text_of(*daemon, "supervisor"), text_of(*daemon, "node")));
  line("backend", text_of(*daemon, "backend"));
  line("wanted", text_of(*daemon, "desired"));
  line("health", text_of(*daemon, "health"));
  line("ready", daemon->value("ready", false) ? "yes" : "no");
  line("started", moment(*daemon, "started_at"));
  line("last run", moment(*daemon, "last_run_at"));
  line("next run", moment(*daemon, "next_run_at"));
  if (number_of(*daemon, "skipped_runs") > 0)
    line(
      "skipped",
      fmt::format("{} runs, the one before still ran", static_cast<long>(number_of(*daemon, "skipped_runs"))));
  line(
    "restarts", fmt::format(
                  "{} (incarnation {})", static_cast<long>(number_of(*daemon, "restarts")),
                  static_cast<long>(number_of(*daemon, "incarnation"))));
  if ((*daemon)["memory_bytes"].is_number())
    line("memory", human_bytes(static_cast<std::uint64_t>(number_of(*daemon, "memory_bytes"))));
  if ((*daemon)["cpu_percent"].is_number())
    line("cpu", fmt::format("{:.1f}% since it started", number_of(*daemon, "cpu_percent")));
  if (number_of(*daemon, "locked_bytes") > 0)
    line("locked", human_bytes(static_cast<std::uint64_t>(number_of(*daemon, "locked_bytes"))));
  line("sandbox", sandbox_line(*daemon));
  for (const auto& step : sandbox_steps(*daemon))
    line("", step);
  if (const auto& last = (*daemon)["last_exit"]; last.is_object())
    line("last exit", fmt::format("{}, {}", text_of(last, "text"), moment(last, "at")));
  const auto crash = daemon->value("last_crash", json{});
  line("crash report", text_of(crash, "path"));
  auto report = crash.is_object() ? node.send_json({.target = daemon_target(name, "/crashes/" + text_of(crash, "id"))})
                                  : caf::expected<json>{json{}};
  if (report && report->is_object())
    show_report(*report);
  if (events && !events->empty()) {
    fmt::print("\nevents\n");
    for (const auto& event : *events)
      fmt::print("  {}\n", event_line(event, colored));
  }
  bool shown = false;
  if (report && report->is_object()) {
    auto title = fmt::format(
      "last lines before incarnation {} ended ({}, {})", static_cast<long>(number_of(crash, "incarnation")),
      printable(text_of(crash, "text")), local_time(text_of(crash, "at")));
    show_lines(title, report->value("log_lines", json::array()));
    shown = number_of(*daemon, "pid") <= 0 && number_of(crash, "incarnation") == number_of(*daemon, "incarnation");
  }
  if (!shown)
    show_lines("last lines", lines);
  return done;
}

} // namespace duende::cli
