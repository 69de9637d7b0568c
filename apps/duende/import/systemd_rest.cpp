// What stands beside a service unit, and what has no counterpart.
#include "apps/duende/import/systemd_unit.hpp"

#include "core/config/rules.hpp"
#include "core/units.hpp"

#include <algorithm>
#include <array>

namespace duende::porting {
namespace {

/// Keys that change nothing here: what they ask for is so anyway, or is about systemd itself.
constexpr auto silent = std::to_array<std::string_view>(
  {"Type",
   "ExecStart",
   "Description",
   "Documentation",
   "Environment",
   "EnvironmentFile",
   "PassEnvironment",
   "User",
   "Group",
   "WorkingDirectory",
   "Restart",
   "RestartSec",
   "SuccessExitStatus",
   "KillSignal",
   "TimeoutStopSec",
   "TimeoutStartSec",
   "TimeoutSec",
   "WatchdogSec",
   "LimitNOFILE",
   "NoNewPrivileges",
   "MemoryMax",
   "MemoryLimit",
   "CPUQuota",
   "TasksMax",
   "CapabilityBoundingSet",
   "PrivateNetwork",
   "ExecStartPre",
   "ExecStartPost",
   "ExecStop",
   "ExecStopPost",
   "ExecReload",
   "NotifyAccess",
   "DefaultDependencies",
   "StandardInput",
   "SyslogIdentifier",
   "PIDFile",
   "GuessMainPID",
   "Wants",
   "Requires",
   "After",
   "BindsTo",
   "Requisite",
   "Upholds",
   "WantedBy",
   "RequiredBy",
   "RemainAfterExit",
   "SendSIGKILL",
   "CollectMode",
   "UpheldBy",
   "RestartPreventExitStatus",
   "SyslogFacility",
   "SyslogLevel",
   "Also",
   "DefaultInstance"});

bool supported(std::string_view part, std::string_view key) {
  auto* rule = config::find_rule(part, key);
  return rule != nullptr && rule->supported();
}

ini beside(unit_keys& u, std::string_view suffix) {
  ini result;
  auto path = u.path.substr(0, u.path.size() - (u.path.ends_with(".service") ? 8 : 0)) + std::string{suffix};
  if (auto text = u.around.read(path); text && readable(*text, u.problems))
    parse_systemd_ini(path, *text, result, u.problems);
  return result;
}

void read_socket(unit_keys& u, daemon_draft& daemon) {
  for (const auto& part : beside(u, ".socket")) {
    if (part.name != "Socket")
      continue;
    auto* name = part.find("FileDescriptorName");
    if (auto* accept = part.find("Accept"); accept != nullptr && parse_systemd_boolean(accept->value).value_or(false)) {
      daemon.lost("its socket", "Accept=yes wants one process for each connection");
      continue;
    }
    for (const auto& key : part.keys) {
      bool datagram = key.key == "ListenDatagram";
      if (!datagram && key.key != "ListenStream") {
        if (key.key.starts_with("Listen"))
          daemon.lost(key.key + " = " + key.value, "sockets are of TCP, UDP or streams of unix");
        continue;
      }
      auto where = u.expand(key);
      if (where.starts_with('/'))
        where = "unix:" + where;
      else if (to_number(where, 1, 65535))
        where = (datagram ? "udp:[::]:" : "[::]:") + where;
      else if (datagram)
        where = "udp:" + where;
      std::vector<entry> entries{{"listen", toml(where), {}}};
      if (name != nullptr)
        entries.push_back({"name", toml(u.expand(*name)), {}});
      daemon.add("socket", std::move(entries));
    }
  }
}

void read_timer(unit_keys& u, daemon_draft& daemon) {
  bool found = false;
  for (const auto& part : beside(u, ".timer"))
    for (const auto& key : part.keys) {
      if (part.name != "Timer" || key.value.empty())
        continue;
      bool infinite = false;
      if (key.key == "OnCalendar") {
        daemon.text("schedule", "calendar", key.value);
        found = true;
      } else if (key.key == "OnUnitActiveSec" || key.key == "OnUnitInactiveSec") {
        if (auto every = parse_span(key.value, infinite))
          daemon.text("schedule", "every", format_duration(*every));
        found = true;
      } else if (key.key == "Persistent") {
        if (parse_systemd_boolean(key.value).value_or(false))
          daemon.set("schedule", "catch_up", "true");
      } else if (key.key == "RandomizedDelaySec") {
        if (auto most = parse_span(key.value, infinite))
          daemon.text("schedule", "jitter", format_duration(*most));
      } else if (key.key != "Unit") {
        daemon.lost(fmt::format("{} = {} of its timer", key.key, key.value), "a schedule has no such key", "schedule");
      }
    }
  if (found && !supported("daemon.schedule", "calendar"))
    daemon.set("", "autostart", "false", "a timer starts it, see below");
}

std::string_view reason(const ini_key& key) {
  auto starts = [&](std::string_view text) { return key.key.starts_with(text); };
  if (starts("Condition") || starts("Assert"))
    return "a daemon starts whatever the machine looks like";
  if (
    starts("RuntimeDirectory") || starts("StateDirectory") || starts("LogsDirectory") || starts("CacheDirectory")
    || starts("ConfigurationDirectory"))
    return "make that folder, or let a pre_start hook do it";
  if (starts("Standard"))
    return "output goes to the daemon's log files";
  if (starts("Limit"))
    return "of the limits by setrlimit only open_files_max is carried over";
  if (starts("StartLimit"))
    return "how many restarts are too many is the 'intensity' of a [[supervisor]]";
  if (starts("KillMode"))
    return "the whole process group is stopped";
  if (
    starts("Protect") || starts("Private") || starts("Restrict") || starts("System") || starts("Read")
    || starts("Inaccessible") || starts("Lock") || starts("Memory") || starts("Remove"))
    return "see [daemon.security] and [daemon.resources] for what there is";
  if (key.key == "Alias")
    return "a daemon has one name";
  if (starts("Before") || starts("Conflicts") || starts("PartOf") || starts("OnFailure") || starts("OnSuccess"))
    return "dependencies are written at the daemon that waits, as depends_on";
  return "duende has nothing like it";
}

} // namespace

void read_beside(unit_keys& u, daemon_draft& daemon) {
  read_socket(u, daemon);
  read_timer(u, daemon);
}

void read_rest(unit_keys& u, daemon_draft& daemon) {
  std::vector<std::pair<std::string_view, std::string>> lost; // by reason, in order
  for (const auto& part : u.sections) {
    if (part.name.starts_with("X-"))
      continue;
    if (part.name != "Unit" && part.name != "Service" && part.name != "Install") {
      daemon.lost(fmt::format("[{}]", part.name), "no section of a service unit");
      continue;
    }
    for (const auto& key : part.keys) {
      if (
        key.value.empty() || key.key.starts_with("X-")
        || std::find(silent.begin(), silent.end(), key.key) != silent.end())
        continue;
      auto why = reason(key);
      auto same = std::find_if(lost.begin(), lost.end(), [&](const auto& each) { return each.first == why; });
      auto what = fmt::format("{} = {}", key.key, key.value);
      if (same == lost.end())
        lost.emplace_back(why, what);
      else
        same->second += ", " + what;
    }
  }
  for (auto& [why, what] : lost)
    daemon.lost(what, why);
}

} // namespace duende::porting
