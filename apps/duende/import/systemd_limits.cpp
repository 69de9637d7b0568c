// Restarts, stops, limits and rights. Sources: systemd.service(5), systemd.kill(5), systemd.resource-control(5).
#include "apps/duende/import/systemd_unit.hpp"

#include "core/exit_reason.hpp"
#include "core/suggest.hpp"
#include "core/units.hpp"

#include <algorithm>
#include <array>

namespace duende::porting {

using namespace std::chrono_literals;

void read_stop(unit_keys& u, daemon_draft& daemon) {
  if (auto* key = u.last("Service", "KillSignal")) {
    auto number = signal_number(key->value);
    if (number <= 0)
      u.fault(*key, fmt::format("'{}' is no signal", key->value));
    else
      daemon.text("", "stop_signal", std::string_view{signal_name(number)}.substr(3));
  }
  auto* key = u.last("Service", "TimeoutStopSec");
  if (key == nullptr)
    key = u.last("Service", "TimeoutSec");
  bool infinite = false;
  auto limit = key == nullptr ? std::optional<duration>{90s} : u.span(*key, infinite);
  if (limit && *limit > 0s)
    daemon.text("", "shutdown_timeout", format_duration(*limit));
  else if (infinite || limit)
    daemon.set("", "shutdown_timeout", "\"365d\"", "systemd waits for ever");
}

void read_restart(unit_keys& u, daemon_draft& daemon) {
  auto* key = u.last("Service", "Restart");
  auto word = key == nullptr ? "no" : key->value;
  static constexpr auto words_known = std::to_array<std::string_view>(
    {"no", "on-success", "on-failure", "on-abnormal", "on-watchdog", "on-abort", "always"});
  if (std::find(words_known.begin(), words_known.end(), word) == words_known.end())
    return u.fault(*key, fmt::format("unknown value '{}'{}", word, did_you_mean(word, words_known)));
  if (word == "no") {
    daemon.text("restart", "policy", "never");
  } else if (word == "always" || word == "on-success") {
    daemon.text("restart", "policy", "always");
    if (word == "on-success")
      daemon.lost("Restart = on-success", "the nearest is 'always', which restarts after failures, too", "restart");
  } else {
    daemon.text("restart", "policy", "on-failure");
    if (word != "on-failure")
      daemon.lost("Restart = " + word, "the nearest is 'on-failure', which restarts after exit codes, too", "restart");
  }
  if (word != "no") {
    auto* delay = u.last("Service", "RestartSec");
    bool infinite = false;
    auto wait = delay == nullptr ? std::optional<duration>{100ms} : u.span(*delay, infinite);
    if (wait) {
      for (auto* name : {"initial_delay", "next_delay", "max_delay"})
        daemon.text("restart", name, format_duration(*wait));
      daemon.set("restart", "multiplier", "1.0");
      daemon.set("restart", "jitter", "0.0");
    }
  }
  std::vector<int> codes{0};
  for (auto* each : u.all("Service", "SuccessExitStatus"))
    for (auto& status : u.words(*each)) {
      if (auto code = to_number(status, 0, 255))
        codes.push_back(static_cast<int>(*code));
      else
        daemon.lost("SuccessExitStatus = " + status, "success_codes are numbers", "restart");
    }
  if (codes.size() > 1)
    daemon.set("restart", "success_codes", toml(codes));
  if (auto* watchdog = u.last("Service", "WatchdogSec")) {
    bool infinite = false;
    if (auto silence = u.span(*watchdog, infinite); silence && *silence > 0s) {
      daemon.text("health_check", "type", "notify");
      daemon.text("health_check", "interval", format_duration(*silence));
    }
  }
}

void read_limits(unit_keys& u, daemon_draft& daemon) {
  if (auto* key = u.last("Service", "LimitNOFILE")) {
    auto value = key->value.substr(key->value.find(':') + 1); // SOFT:HARD; one number is both
    if (value == "infinity")
      daemon.lost("LimitNOFILE = infinity", "without open_files_max it has the node's limit", "resources");
    else if (auto number = to_number(value, 1, 1'073'741'816))
      daemon.set("resources", "open_files_max", std::to_string(*number));
    else
      u.fault(*key, fmt::format("'{}' is no number of files", key->value));
  }
  auto* memory = u.last("Service", "MemoryMax");
  if (memory == nullptr)
    memory = u.last("Service", "MemoryLimit");
  if (memory != nullptr && memory->value != "infinity") {
    if (auto bytes = parse_systemd_size(memory->value))
      daemon.text("resources", "memory_bytes", format_bytes(*bytes));
    else
      daemon.lost(memory->key + " = " + memory->value, "a limit is a number of bytes", "resources");
  }
  if (auto* quota = u.last("Service", "CPUQuota")) {
    auto text = std::string_view{quota->value};
    auto percent = text.ends_with('%') ? to_number(text.substr(0, text.size() - 1), 1, 1'000'000) : std::nullopt;
    if (percent)
      daemon.set("resources", "cpu_quota_percent", fmt::format("{}.0", *percent));
    else
      u.fault(*quota, fmt::format("'{}' is no percentage", text));
  }
  if (auto* tasks = u.last("Service", "TasksMax"); tasks != nullptr && tasks->value != "infinity") {
    if (auto number = to_number(tasks->value, 1, 4'000'000))
      daemon.set("resources", "pids_max", std::to_string(*number));
    else
      daemon.lost("TasksMax = " + tasks->value, "a limit is a number", "resources");
  }
}

void read_security(unit_keys& u, daemon_draft& daemon) {
  if (auto* key = u.last("Service", "NoNewPrivileges")) {
    auto yes = parse_systemd_boolean(key->value);
    if (!yes)
      u.fault(*key, fmt::format("'{}' is no boolean", key->value));
    else if (*yes)
      daemon.set("security", "no_new_privileges", "true");
  }
  std::vector<std::string> kept;
  for (auto* key : u.all("Service", "CapabilityBoundingSet"))
    for (auto& word : u.words(*key))
      kept.push_back(std::move(word));
  bool inverted = std::any_of(kept.begin(), kept.end(), [](const std::string& each) { return each.starts_with('~'); });
  if (inverted)
    daemon.lost(
      fmt::format("CapabilityBoundingSet = {}", fmt::join(kept, " ")), "duende takes those to keep, not those to drop",
      "security");
  else if (!kept.empty())
    daemon.set("security", "capabilities", toml(kept));
  if (auto* key = u.last("Service", "PrivateNetwork");
      key != nullptr && parse_systemd_boolean(key->value).value_or(false))
    daemon.set("security", "network", "false");
}

} // namespace duende::porting
