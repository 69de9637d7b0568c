#include "apps/duende/top_model.hpp"

#include "apps/duende/show.hpp"
#include "apps/duende/top_text.hpp"

#include <algorithm>
#include <array>
#include <chrono>

namespace duende::cli {
namespace {

constexpr auto shortest_step = std::chrono::milliseconds{400}; // CPU time comes in steps of 10 ms

bool has_number(const json& object, const char* key) { return object.contains(key) && object[key].is_number(); }

void remember(std::vector<double>& history, double value) {
  if (history.size() >= top_model::kept_samples)
    history.erase(history.begin());
  history.push_back(value);
}

std::string health_of(const json& daemon) {
  if (text_of(daemon, "state") != "running")
    return "";
  auto health = text_of(daemon, "health");
  if (!health.empty() && health != "unknown")
    return health;
  return daemon.value("ready", false) ? "ready" : "not ready";
}

std::string state_after(const std::string& kind) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 8> states = {{
    {"starting", "starting"},
    {"running", "running"},
    {"ready", "running"},
    {"backoff", "backoff"},
    {"give_up", "failed"},
    {"stop", "stopping"},
    {"paused", "paused"},
    {"resumed", "running"},
  }};
  for (const auto& [from, to] : states)
    if (from == kind)
      return std::string{to};
  return "";
}

json array_of(const json& object, const char* key) {
  return object.is_object() && object.contains(key) && object[key].is_array() ? object[key] : json::array();
}

} // namespace

void top_model::take_daemon(const json& from, instant now) {
  auto& to = daemons[text_of(from, "name")];
  to.state = harmless(text_of(from, "state"));
  to.health = harmless(health_of(from));
  to.note = harmless(daemon_note(from));
  to.group = text_of(from, "instance_of");
  if (to.group.empty())
    to.group = text_of(from, "name");
  to.description = harmless(text_of(from, "description"));
  to.pid = static_cast<std::int64_t>(number_of(from, "pid"));
  to.restarts = static_cast<std::uint64_t>(number_of(from, "restarts"));
  to.uptime = number_of(from, "uptime_seconds");
  to.has_clock = to.pid > 0 || to.state == "running" || to.state == "paused";
  to.memory = has_number(from, "memory_bytes") ? number_of(from, "memory_bytes") : NAN;
  double sample = NAN;
  if (to.pid > 0 && has_number(from, "cpu_seconds")) {
    auto seconds = number_of(from, "cpu_seconds");
    if (to.base_pid != to.pid) {
      to.cpu = has_number(from, "cpu_percent") ? number_of(from, "cpu_percent") : NAN;
      to.base_pid = 0;
    } else if (now - to.base_at >= shortest_step) {
      auto passed = std::chrono::duration<double>(now - to.base_at).count();
      sample = to.cpu = std::max(0.0, 100.0 * (seconds - to.base_seconds) / passed);
      to.base_pid = 0;
    }
    if (to.base_pid == 0) {
      to.base_pid = to.pid;
      to.base_seconds = seconds;
      to.base_at = now;
    }
  } else {
    to.base_pid = 0;
    to.cpu = NAN;
  }
  remember(to.cpu_history, sample);
  remember(to.memory_history, to.memory);
}

void top_model::take(const json& node, const json& tree, const json& all, instant now) {
  node_name = harmless(text_of(node, "name"));
  version = harmless(text_of(node, "version"));
  node_uptime = number_of(node, "uptime_seconds");
  generation = static_cast<std::uint64_t>(number_of(node, "generation"));
  std::set<std::string> present;
  if (all.is_array())
    for (const auto& daemon : all) {
      if (!daemon.is_object())
        continue;
      present.insert(text_of(daemon, "name"));
      take_daemon(daemon, now);
    }
  std::erase_if(daemons, [&](const auto& each) { return !present.contains(each.first); });
  supervisors.clear();
  root_.clear();
  for (const auto& from : array_of(tree, "supervisors")) {
    if (!from.is_object())
      continue;
    auto name = text_of(from, "name");
    if (root_.empty())
      root_ = name;
    auto& to = supervisors[name];
    to.state = harmless(text_of(from, "state"));
    to.restarts = static_cast<std::uint64_t>(number_of(from, "restarts"));
    auto intensity = from.value("intensity", json::object());
    to.about = fmt::format(
      "{}, {:g} in {:g}s", harmless(text_of(from, "strategy")), number_of(intensity, "restarts"),
      number_of(intensity, "window_seconds"));
    for (const auto& child : array_of(from, "children"))
      to.children.emplace_back(text_of(child, "kind") == "supervisor", text_of(child, "name"));
  }
}

bool top_model::take_event(const json& event) {
  auto id = static_cast<std::int64_t>(number_of(event, "id"));
  if (id <= 0 || (!events.empty() && id <= events.back().id))
    return false;
  auto kind = text_of(event, "kind");
  if (events.size() >= kept_events)
    events.erase(events.begin());
  events.push_back({id, text_of(event, "at"), harmless(kind), harmless(text_of(event, "text"))});
  auto found = daemons.find(text_of(event, "daemon"));
  auto state = state_after(kind);
  if (found != daemons.end() && !state.empty()) {
    found->second.state = state;
    if (state != "running")
      found->second.health.clear();
    if (state == "backoff" || state == "failed") { // the process is gone
      found->second.pid = 0;
      found->second.cpu = found->second.memory = NAN;
      found->second.has_clock = false;
    }
  }
  return true;
}

void top_model::walk(
  const std::string& name, const std::string& parent, std::size_t depth, const std::set<std::string>& collapsed,
  std::vector<top_row>& rows) const {
  auto found = supervisors.find(name);
  if (found == supervisors.end() || depth > 100)
    return;
  rows.push_back({true, name, parent, depth});
  if (collapsed.contains(name))
    return;
  for (const auto& [is_supervisor, child] : found->second.children) {
    if (is_supervisor)
      walk(child, name, depth + 1, collapsed, rows);
    else if (daemons.contains(child))
      rows.push_back({false, child, name, depth + 1});
  }
}

std::vector<top_row> top_model::rows(const std::set<std::string>& collapsed) const {
  std::vector<top_row> rows;
  walk(root_, "", 0, collapsed, rows);
  return rows;
}

std::uint32_t top_model::instances_of(const std::string& group) const {
  auto helper = group + "-surge";
  return static_cast<std::uint32_t>(std::count_if(daemons.begin(), daemons.end(), [&](const auto& each) {
    return each.second.group == group && (each.first == group || each.first != helper);
  }));
}

std::map<std::string, std::size_t> top_model::counts() const {
  std::map<std::string, std::size_t> result;
  for (const auto& [name, daemon] : daemons)
    ++result[daemon.state];
  return result;
}

} // namespace duende::cli
