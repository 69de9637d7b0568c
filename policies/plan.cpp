#include "policies/plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string_view>
#include <tuple>
#include <unordered_map>

namespace duende {
namespace {

/// Collects the keys that differ, and whether one of them needs a new incarnation.
class comparison {
public:
  template <class T>
  void adopt(std::string_view key, const T& a, const T& b) {
    if (!(a == b))
      keys.emplace_back(key);
  }
  template <class T>
  void restart(std::string_view key, const T& a, const T& b) {
    if (a == b)
      return;
    keys.emplace_back(key);
    restarts = true;
  }

  std::vector<std::string> keys;
  bool restarts = false;
};

void compare_restart(comparison& c, const restart_policy& a, const restart_policy& b) {
  c.adopt("restart.policy", a.kind, b.kind);
  c.adopt("restart.max_retries", a.retries, b.retries);
  c.adopt("restart.initial_delay", a.initial_delay, b.initial_delay);
  c.adopt("restart.next_delay", a.next_delay, b.next_delay);
  c.adopt("restart.multiplier", a.multiplier, b.multiplier);
  c.adopt("restart.max_delay", a.max_delay, b.max_delay);
  c.adopt("restart.jitter", a.jitter, b.jitter);
  c.adopt("restart.reset_after", a.reset_after, b.reset_after);
  c.adopt("restart.success_codes", a.success_codes, b.success_codes);
}

void compare_ready(comparison& c, const readiness_spec& a, const readiness_spec& b) {
  c.restart("ready.type", a.type, b.type);
  c.restart("ready.timeout", a.timeout, b.timeout);
  c.restart("ready.address", a.address, b.address);
  c.restart("ready.url", a.url, b.url);
  c.restart("ready.expect", a.expect, b.expect);
  c.restart("ready.command", a.command, b.command);
  c.restart("ready.pattern", a.pattern, b.pattern);
  c.restart("ready.fd", a.fd, b.fd);
}

void compare_logs(comparison& c, const log_spec& a, const log_spec& b) {
  c.restart("logs.dir", a.dir, b.dir);
  c.restart("logs.max_bytes", a.max_bytes, b.max_bytes);
  c.restart("logs.max_files", a.max_files, b.max_files);
  c.restart("logs.timestamps", a.timestamps, b.timestamps);
  c.restart("logs.merge_stderr", a.merge_stderr, b.merge_stderr);
  c.adopt("logs.crash_reports", a.crash_reports, b.crash_reports);
}

void compare_limits(comparison& c, const limits_spec& a, const limits_spec& b) {
  c.adopt("resources.memory_bytes", a.memory_bytes, b.memory_bytes);
  c.adopt("resources.memory_swap_bytes", a.memory_swap_bytes, b.memory_swap_bytes);
  c.adopt("resources.cpu_quota_percent", a.cpu_quota_percent, b.cpu_quota_percent);
  c.adopt("resources.cpu_shares", a.cpu_shares, b.cpu_shares);
  c.adopt("resources.io_read_bps", a.io_read_bps, b.io_read_bps);
  c.adopt("resources.io_write_bps", a.io_write_bps, b.io_write_bps);
  c.adopt("resources.pids_max", a.pids_max, b.pids_max);
}

/// Nothing of it can be given back or taken from a process that runs.
void compare_security(comparison& c, const daemon_spec& a, const daemon_spec& b) {
  auto x = a.sandbox ? *a.sandbox : sandbox_spec{}, y = b.sandbox ? *b.sandbox : sandbox_spec{};
  c.restart("security.capabilities", x.capabilities, y.capabilities);
  c.restart("security.seccomp", std::tie(x.seccomp, x.action, x.calls), std::tie(y.seccomp, y.action, y.calls));
  c.restart("security.read_paths", x.read_paths, y.read_paths);
  c.restart("security.write_paths", x.write_paths, y.write_paths);
  c.restart("security.network", x.network, y.network);
  c.restart("security.optional", x.optional, y.optional);
  auto lock = [](const daemon_spec& spec, bool limits_spec::*which) { return spec.limits && (*spec.limits).*which; };
  c.restart("resources.lock_memory", lock(a, &limits_spec::lock_memory), lock(b, &limits_spec::lock_memory));
  c.restart(
    "resources.lock_memory_required", lock(a, &limits_spec::lock_memory_required),
    lock(b, &limits_spec::lock_memory_required));
}

comparison compare(const daemon_spec& a, const daemon_spec& b) {
  comparison c;
  c.restart("supervisor", a.supervisor, b.supervisor);
  c.adopt("version", a.version, b.version);
  c.adopt("description", a.description, b.description);
  c.restart("backend", a.backend, b.backend);
  c.restart("binary_path", a.binary_path, b.binary_path);
  c.restart("args", a.args, b.args);
  c.restart("env", a.env, b.env);
  c.restart("inherit_env", a.inherit_env, b.inherit_env);
  c.restart("user", a.user, b.user);
  c.restart("group", a.group, b.group);
  c.restart("working_dir", a.working_dir, b.working_dir);
  c.adopt("autostart", a.autostart, b.autostart);
  c.adopt("depends_on", a.depends_on, b.depends_on);
  c.adopt("stop_signal", a.stop_signal, b.stop_signal);
  c.adopt("shutdown_timeout", a.shutdown_timeout, b.shutdown_timeout);
  c.restart("pid_file", a.pid_file, b.pid_file);
  compare_restart(c, a.restart, b.restart);
  compare_ready(c, a.ready, b.ready);
  c.adopt("circuit_breaker", a.breaker, b.breaker);
  c.adopt("jidoka", a.jidoka, b.jidoka);
  c.adopt("health_check", std::tie(a.watchdog, a.health), std::tie(b.watchdog, b.health));
  c.adopt("resources.open_files_max", a.open_files_max, b.open_files_max);
  compare_limits(c, a.limits ? *a.limits : limits_spec{}, b.limits ? *b.limits : limits_spec{});
  c.restart("security.no_new_privileges", a.no_new_privileges, b.no_new_privileges);
  compare_security(c, a, b);
  compare_logs(c, a.logs, b.logs);
  c.restart("socket", a.sockets, b.sockets);
  c.restart("fd_store_max", a.fd_store_max, b.fd_store_max);
  c.restart("instances", a.instance_of, b.instance_of);
  c.adopt("rolling.max_unavailable", a.max_unavailable, b.max_unavailable);
  c.adopt("hooks", a.hooks, b.hooks);
  c.adopt("watch", a.watch, b.watch);
  if (bool{a.schedule} == bool{b.schedule})
    c.adopt("schedule", a.schedule, b.schedule);
  else // from a life to runs, or back
    c.restart("schedule", a.schedule, b.schedule);
  // A key this list does not know must not pass for unchanged.
  if (c.keys.empty() && !(a == b))
    c.restart("configuration", 0, 1);
  return c;
}

comparison compare(const supervisor_spec& a, const supervisor_spec& b) {
  comparison c;
  c.restart("parent", a.parent, b.parent); // its daemons move, and are started anew there
  c.adopt("strategy", a.strategy, b.strategy);
  c.adopt("intensity", a.intensity, b.intensity);
  return c;
}

template <class Specs>
auto by_name(const Specs& specs) {
  std::unordered_map<std::string_view, const typename Specs::value_type*> result;
  result.reserve(specs.size());
  for (const auto& spec : specs)
    result.emplace(spec.name, &spec);
  return result;
}

/// Appends what is added and changed; returns how many stay as they are.
template <class Specs>
std::size_t converge(std::vector<plan_step>& steps, const Specs& present, const Specs& wanted, bool supervisors) {
  std::size_t unchanged = 0;
  const auto known = by_name(present);
  for (const auto& spec : wanted) {
    auto found = known.find(spec.name);
    if (found == known.end()) {
      steps.push_back({plan_action::add, supervisors, spec.name, {}, false});
      continue;
    }
    auto difference = compare(*found->second, spec);
    if (difference.keys.empty())
      ++unchanged;
    else
      steps.push_back({plan_action::change, supervisors, spec.name, std::move(difference.keys), difference.restarts});
  }
  return unchanged;
}

} // namespace

apply_plan make_plan(const stack& present, const stack& wanted) {
  apply_plan plan;
  converge(plan.steps, present.supervisors, wanted.supervisors, true);
  plan.unchanged = converge(plan.steps, present.daemons, wanted.daemons, false);
  const auto daemons = by_name(wanted.daemons);
  for (const auto& daemon : present.daemons)
    if (!daemons.contains(daemon.name))
      plan.steps.push_back({plan_action::remove, false, daemon.name, {}, false});
  // Parents come first in a file, so their children go first backwards.
  const auto supervisors = by_name(wanted.supervisors);
  for (auto i = present.supervisors.rbegin(); i != present.supervisors.rend(); ++i)
    if (!supervisors.contains(i->name))
      plan.steps.push_back({plan_action::remove, true, i->name, {}, false});
  return plan;
}

std::string to_string(const plan_step& step) {
  const auto name = step.is_supervisor ? fmt::format("supervisor {}", step.name) : step.name;
  switch (step.action) {
    case plan_action::add: return "+ " + name;
    case plan_action::remove: return "- " + name;
    case plan_action::change: break;
  }
  return fmt::format("~ {} ({}){}", name, fmt::join(step.keys, ", "), step.restarts ? ": restarts" : "");
}

} // namespace duende
