// systemd's service units. Sources: systemd.unit(5), systemd.service(5), systemd.exec(5), systemd.kill(5), systemd.resource-control(5).
#include "apps/duende/import/ini.hpp"
#include "apps/duende/import/systemd_values.hpp"

#include "core/config/rules.hpp"
#include "core/exit_reason.hpp"
#include "core/suggest.hpp"
#include "core/units.hpp"
#include "core/words.hpp"

#include <algorithm>
#include <array>
#include <set>

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

std::string base_name(std::string_view path) { return std::string{path.substr(path.rfind('/') + 1)}; }

std::string unit_of(std::string_view path) {
  auto name = base_name(path);
  return name.ends_with(".service") ? name : name + ".service";
}

bool supported(std::string_view part, std::string_view key) {
  auto* rule = config::find_rule(part, key);
  return rule != nullptr && rule->supported();
}

class unit_reader {
public:
  unit_reader(const source_file& file, const surroundings& around, faults& problems, const std::set<std::string>& units)
    : path_(file.path), unit_(unit_of(file.path)), around_(around), problems_(problems), units_(units),
      daemon_(unit_.substr(0, unit_.size() - std::string_view{".service"}.size())) {
    faults mine{path_};
    std::string_view text = file.text;
    if (readable(text, mine))
      parse_systemd_ini(path_, text, sections_, mine);
    for (const auto& drop_in : around.glob(path_ + ".d/*.conf"))
      if (auto more = around.read(drop_in)) {
        faults its{drop_in};
        if (readable(*more, its))
          parse_systemd_ini(drop_in, *more, sections_, its);
        for (auto& each : its.take())
          problems.put(each.file, each.line, each.column, each.message);
      }
    for (auto& each : mine.take())
      problems.put(each.file, each.line, each.column, each.message);
    specifiers_ = specifiers_of(unit_, around.host_name);
  }

  std::optional<daemon_draft> run() {
    if (problems_.any())
      return std::nullopt;
    if (
      path_.ends_with(".socket") || path_.ends_with(".timer") || path_.ends_with(".target")
      || path_.ends_with(".mount")) {
      problems_.put(
        path_, 0, 0, "only service units can be imported; a .socket and a .timer beside one are read with it");
      return std::nullopt;
    }
    if (section("Service") == nullptr) {
      problems_.put(path_, 0, 0, "no [Service] section: is this a service unit?");
      return std::nullopt;
    }
    if (auto* text = last("Unit", "Description"))
      daemon_.text("", "description", expand(*text));
    read_template();
    if (!read_command())
      return std::nullopt;
    read_type();
    read_place();
    read_environment();
    read_needs();
    read_stop();
    read_restart();
    read_limits();
    read_security();
    read_hooks();
    read_socket();
    read_timer();
    read_rest();
    if (!unknown_.empty())
      daemon_.lost(
        fmt::format("the specifiers %{}", fmt::join(unknown_, ", %")),
        "duende has nothing like them; they stand as they were");
    return std::move(daemon_);
  }

private:
  const ini_section* section(std::string_view name) const {
    for (const auto& each : sections_)
      if (each.name == name)
        return &each;
    return nullptr;
  }

  /// The last value given; null where there is none or the last one is empty, which takes the others back.
  const ini_key* last(std::string_view part, std::string_view key) const {
    auto* where = section(part);
    auto* found = where == nullptr ? nullptr : where->find(key);
    return found == nullptr || found->value.empty() ? nullptr : found;
  }

  /// All values given since the last empty one.
  std::vector<const ini_key*> all(std::string_view part, std::string_view key) const {
    std::vector<const ini_key*> result;
    if (auto* where = section(part))
      for (const auto& each : where->keys)
        if (each.key == key) {
          if (each.value.empty())
            result.clear();
          else
            result.push_back(&each);
        }
    return result;
  }

  std::string expand(const ini_key& key) { return expand_specifiers(key.value, specifiers_, unknown_); }

  void fault(const ini_key& key, std::string text) {
    problems_.put(key.file, key.line, 0, fmt::format("'{}': {}", key.key, text));
  }

  /// The words of a value with specifiers replaced; none after reporting.
  std::vector<std::string> words(const ini_key& key) {
    std::vector<std::string> result;
    if (!split_systemd(key.value, result)) {
      fault(key, fmt::format("a quote is not closed in '{}'", std::string_view{key.value}.substr(0, 60)));
      return {};
    }
    for (auto& word : result)
      word = expand_specifiers(word, specifiers_, unknown_);
    return result;
  }

  std::optional<duration> span(const ini_key& key, bool& infinite) {
    auto result = parse_span(key.value, infinite);
    if (!result && !infinite)
      fault(key, fmt::format("'{}' is no time span", std::string_view{key.value}.substr(0, 40)));
    return result;
  }

  void read_template() {
    auto name = unit_.substr(0, unit_.rfind('.'));
    if (!name.ends_with('@'))
      return;
    std::string instance = "instance";
    if (auto* given = last("Install", "DefaultInstance"))
      instance = given->value;
    specifiers_ = specifiers_of(fmt::format("{}{}.service", name, instance), around_.host_name);
    daemon_ = daemon_draft{name + instance};
    if (auto* text = last("Unit", "Description"))
      daemon_.text("", "description", expand(*text));
    daemon_.remark(fmt::format("A template: %i became '{}'. Copy this daemon for each instance.", instance));
  }

  /// Words and what the characters in front of the program mean.
  std::vector<std::string> command(const ini_key& key, bool& ignored) {
    auto result = words(key);
    if (result.empty())
      return result;
    auto& program = result.front();
    bool other_name = false, plain = false, privileged = false;
    std::size_t n = 0;
    for (; n < program.size() && std::string_view{"-@:+!|"}.find(program[n]) != std::string_view::npos; ++n) {
      ignored |= program[n] == '-';
      other_name |= program[n] == '@';
      plain |= program[n] == ':';
      privileged |= program[n] == '+' || program[n] == '!';
    }
    program.erase(0, n);
    if (program.empty()) {
      fault(key, "an empty command");
      return {};
    }
    if (other_name && result.size() > 1) {
      daemon_.lost(fmt::format("the name '{}' as argv[0]", result[1]), "a daemon is called by its path");
      result.erase(result.begin() + 1);
    }
    if (privileged)
      daemon_.lost("the '+' or '!' of " + key.key, "a daemon and its hooks have one user");
    if (plain)
      return result;
    return without_variables(result);
  }

  bool oneshot() const {
    auto* type = last("Service", "Type");
    return type != nullptr && type->value == "oneshot";
  }

  bool read_command() {
    auto lines = all("Service", "ExecStart");
    if (lines.empty()) {
      if (!problems_.any())
        problems_.put(path_, section("Service")->line, 0, "[Service] has no 'ExecStart'");
      return false;
    }
    if (lines.size() > 1 && !oneshot()) {
      fault(
        *lines[1],
        fmt::format("a second 'ExecStart', which only Type=oneshot may have; the first is in line {}", lines[0]->line));
      return false;
    }
    std::string joined;
    for (auto* line : lines) {
      bool ignored = false;
      auto parts = command(*line, ignored);
      if (parts.empty())
        return false;
      if (lines.size() == 1) {
        daemon_.command(parts);
        if (ignored)
          daemon_.lost("the '-' of ExecStart", "no exit code is a success without being named in success_codes");
        return true;
      }
      joined += fmt::format("{}{}{}", joined.empty() ? "" : " && ", join_words(parts), ignored ? " || true" : "");
    }
    daemon_.command({"/bin/sh", "-c", joined});
    return true;
  }

  void read_type() {
    auto* key = last("Service", "Type");
    auto type = key == nullptr ? "simple" : key->value;
    if (type == "notify" || type == "notify-reload") {
      daemon_.text("ready", "type", "notify");
      auto* timeout = last("Service", "TimeoutStartSec");
      if (timeout == nullptr)
        timeout = last("Service", "TimeoutSec");
      bool infinite = false;
      auto limit = timeout != nullptr ? span(*timeout, infinite) : std::optional<duration>{90s};
      if (limit && *limit > 0s)
        daemon_.text("ready", "timeout", format_duration(*limit));
      else
        daemon_.set("ready", "timeout", "\"1h\"", "systemd waits for ever, duende has a bound");
    } else if (type == "forking") {
      daemon_.set(
        "", "autostart", "false",
        "Type=forking: this program goes into the background, where nothing but a pid file leads to it. Let it stay in "
        "the "
        "foreground (most have an option for that) and take this line out.");
      if (auto* pid_file = last("Service", "PIDFile"))
        daemon_.lost("PIDFile = " + pid_file->value, "it is written by the program; 'pid_file' is written by duende");
    } else if (type == "dbus") {
      daemon_.lost("Type = dbus", "no bus is watched: it counts as ready once it runs", "ready");
    } else if (type != "simple" && type != "exec" && type != "oneshot" && type != "idle") {
      static constexpr auto types = std::to_array<std::string_view>(
        {"simple", "exec", "forking", "oneshot", "dbus", "notify", "notify-reload", "idle"});
      fault(*key, fmt::format("unknown type '{}'{}", type, did_you_mean(type, types)));
    }
  }

  void read_place() {
    for (auto [key, ours] : {std::pair{"User", "user"}, {"Group", "group"}})
      if (auto* found = last("Service", key))
        daemon_.text("", ours, expand(*found));
    auto* folder = last("Service", "WorkingDirectory");
    auto where = folder == nullptr ? "/" : expand(*folder);
    if (where.starts_with('-'))
      where.erase(0, 1);
    if (where == "~") {
      daemon_.lost("WorkingDirectory = ~", "write the home folder of its user");
      where = "/";
    }
    daemon_.text("", "working_dir", where);
  }

  void read_environment() {
    std::map<std::string, std::string> variables;
    for (auto* key : all("Service", "Environment"))
      for (auto& word : words(*key)) {
        auto equals = word.find('=');
        if (equals == std::string::npos || equals == 0)
          fault(*key, fmt::format("'{}' is no NAME=value", word.substr(0, 40)));
        else
          variables[word.substr(0, equals)] = word.substr(equals + 1);
      }
    daemon_.env(std::move(variables));
    std::vector<std::string> files;
    for (auto* key : all("Service", "EnvironmentFile")) {
      auto file = expand(*key);
      bool optional = file.starts_with('-');
      if (optional)
        file.erase(0, 1);
      if (optional && !around_.read(file))
        daemon_.lost("EnvironmentFile = -" + file, "that file is not there now, and duende has no optional ones");
      else
        files.push_back(std::move(file));
    }
    if (!files.empty())
      daemon_.set("", "env_file", toml(files));
    std::vector<std::string> names{"PATH", "LANG"};
    for (auto* key : all("Service", "PassEnvironment"))
      for (auto& word : words(*key))
        names.push_back(std::move(word));
    daemon_.set("", "inherit_env", toml(names));
  }

  void read_needs() {
    std::string others;
    std::set<std::string> seen;
    for (auto* name : {"Requires", "BindsTo", "Requisite", "Wants", "After"})
      for (auto* key : all("Unit", name))
        for (auto& word : words(*key)) {
          if (!seen.insert(word).second)
            continue;
          if (word.ends_with(".service") && units_.contains(word))
            daemon_.needs.push_back({word.substr(0, word.size() - 8), milestone::ready});
          else
            others += (others.empty() ? "" : ", ") + word;
        }
    if (!others.empty())
      daemon_.lost("the dependencies on " + others, "they are not among the files imported here");
  }

  void read_stop() {
    if (auto* key = last("Service", "KillSignal")) {
      auto number = signal_number(key->value);
      if (number <= 0)
        fault(*key, fmt::format("'{}' is no signal", key->value));
      else
        daemon_.text("", "stop_signal", std::string_view{signal_name(number)}.substr(3));
    }
    auto* key = last("Service", "TimeoutStopSec");
    if (key == nullptr)
      key = last("Service", "TimeoutSec");
    bool infinite = false;
    auto limit = key == nullptr ? std::optional<duration>{90s} : span(*key, infinite);
    if (limit && *limit > 0s)
      daemon_.text("", "shutdown_timeout", format_duration(*limit));
    else if (infinite || limit)
      daemon_.set("", "shutdown_timeout", "\"365d\"", "systemd waits for ever");
  }

  void read_restart() {
    auto* key = last("Service", "Restart");
    auto word = key == nullptr ? "no" : key->value;
    static constexpr auto words_known = std::to_array<std::string_view>(
      {"no", "on-success", "on-failure", "on-abnormal", "on-watchdog", "on-abort", "always"});
    if (std::find(words_known.begin(), words_known.end(), word) == words_known.end())
      return fault(*key, fmt::format("unknown value '{}'{}", word, did_you_mean(word, words_known)));
    if (word == "no") {
      daemon_.text("restart", "policy", "never");
    } else if (word == "always" || word == "on-success") {
      daemon_.text("restart", "policy", "always");
      if (word == "on-success")
        daemon_.lost("Restart = on-success", "the nearest is 'always', which restarts after failures, too", "restart");
    } else {
      daemon_.text("restart", "policy", "on-failure");
      if (word != "on-failure")
        daemon_.lost(
          "Restart = " + word, "the nearest is 'on-failure', which restarts after exit codes, too", "restart");
    }
    if (word != "no") {
      auto* delay = last("Service", "RestartSec");
      bool infinite = false;
      auto wait = delay == nullptr ? std::optional<duration>{100ms} : span(*delay, infinite);
      if (wait) {
        for (auto* name : {"initial_delay", "next_delay", "max_delay"})
          daemon_.text("restart", name, format_duration(*wait));
        daemon_.set("restart", "multiplier", "1.0");
        daemon_.set("restart", "jitter", "0.0");
      }
    }
    std::vector<int> codes{0};
    for (auto* each : all("Service", "SuccessExitStatus"))
      for (auto& status : words(*each)) {
        if (auto code = to_number(status, 0, 255))
          codes.push_back(static_cast<int>(*code));
        else
          daemon_.lost("SuccessExitStatus = " + status, "success_codes are numbers", "restart");
      }
    if (codes.size() > 1)
      daemon_.set("restart", "success_codes", toml(codes));
    if (auto* watchdog = last("Service", "WatchdogSec")) {
      bool infinite = false;
      if (auto silence = span(*watchdog, infinite); silence && *silence > 0s) {
        daemon_.text("health_check", "type", "notify");
        daemon_.text("health_check", "interval", format_duration(*silence));
      }
    }
  }

  void read_limits() {
    if (auto* key = last("Service", "LimitNOFILE")) {
      auto value = key->value.substr(key->value.find(':') + 1); // SOFT:HARD; one number is both
      if (value == "infinity")
        daemon_.lost("LimitNOFILE = infinity", "without open_files_max it has the node's limit", "resources");
      else if (auto number = to_number(value, 1, 1'073'741'816))
        daemon_.set("resources", "open_files_max", std::to_string(*number));
      else
        fault(*key, fmt::format("'{}' is no number of files", key->value));
    }
    auto* memory = last("Service", "MemoryMax");
    if (memory == nullptr)
      memory = last("Service", "MemoryLimit");
    if (memory != nullptr && memory->value != "infinity") {
      if (auto bytes = parse_systemd_size(memory->value))
        daemon_.text("resources", "memory_bytes", format_bytes(*bytes));
      else
        daemon_.lost(memory->key + " = " + memory->value, "a limit is a number of bytes", "resources");
    }
    if (auto* quota = last("Service", "CPUQuota")) {
      auto text = std::string_view{quota->value};
      auto percent = text.ends_with('%') ? to_number(text.substr(0, text.size() - 1), 1, 1'000'000) : std::nullopt;
      if (percent)
        daemon_.set("resources", "cpu_quota_percent", fmt::format("{}.0", *percent));
      else
        fault(*quota, fmt::format("'{}' is no percentage", text));
    }
    if (auto* tasks = last("Service", "TasksMax"); tasks != nullptr && tasks->value != "infinity") {
      if (auto number = to_number(tasks->value, 1, 4'000'000))
        daemon_.set("resources", "pids_max", std::to_string(*number));
      else
        daemon_.lost("TasksMax = " + tasks->value, "a limit is a number", "resources");
    }
  }

  void read_security() {
    if (auto* key = last("Service", "NoNewPrivileges")) {
      auto yes = parse_systemd_boolean(key->value);
      if (!yes)
        fault(*key, fmt::format("'{}' is no boolean", key->value));
      else if (*yes)
        daemon_.set("security", "no_new_privileges", "true");
    }
    std::vector<std::string> kept;
    for (auto* key : all("Service", "CapabilityBoundingSet"))
      for (auto& word : words(*key))
        kept.push_back(std::move(word));
    bool inverted =
      std::any_of(kept.begin(), kept.end(), [](const std::string& each) { return each.starts_with('~'); });
    if (inverted)
      daemon_.lost(
        fmt::format("CapabilityBoundingSet = {}", fmt::join(kept, " ")),
        "duende takes those to keep, not those to drop", "security");
    else if (!kept.empty())
      daemon_.set("security", "capabilities", toml(kept));
    if (auto* key = last("Service", "PrivateNetwork");
        key != nullptr && parse_systemd_boolean(key->value).value_or(false))
      daemon_.set("security", "network", "false");
  }

  void read_hooks() {
    for (auto [theirs, ours] :
         {std::pair{"ExecStartPre", "pre_start"},
          {"ExecStartPost", "post_start"},
          {"ExecStop", "pre_stop"},
          {"ExecStopPost", "post_stop"}}) {
      std::vector<std::string> lines;
      for (auto* key : all("Service", theirs)) {
        bool ignored = false;
        auto parts = command(*key, ignored);
        if (parts.empty())
          continue;
        auto line = join_words(parts);
        lines.push_back(ignored ? join_words({"/bin/sh", "-c", line + " || true"}) : line);
      }
      if (!lines.empty())
        daemon_.set("hooks", ours, toml(lines));
    }
    for (auto* key : all("Service", "ExecReload")) {
      bool hup = key->value.find("kill") != std::string::npos && key->value.find("MAINPID") != std::string::npos
                 && (key->value.find("HUP") != std::string::npos || key->value.find(" -1 ") != std::string::npos);
      if (!hup)
        daemon_.lost("ExecReload = " + key->value, "'duende reload' sends SIGHUP");
    }
  }

  ini beside(std::string_view suffix) {
    ini result;
    auto path = path_.substr(0, path_.size() - (path_.ends_with(".service") ? 8 : 0)) + std::string{suffix};
    if (auto text = around_.read(path); text && readable(*text, problems_))
      parse_systemd_ini(path, *text, result, problems_);
    return result;
  }

  void read_socket() {
    for (const auto& part : beside(".socket")) {
      if (part.name != "Socket")
        continue;
      auto* name = part.find("FileDescriptorName");
      if (auto* accept = part.find("Accept");
          accept != nullptr && parse_systemd_boolean(accept->value).value_or(false)) {
        daemon_.lost("its socket", "Accept=yes wants one process for each connection");
        continue;
      }
      for (const auto& key : part.keys) {
        bool datagram = key.key == "ListenDatagram";
        if (!datagram && key.key != "ListenStream") {
          if (key.key.starts_with("Listen"))
            daemon_.lost(key.key + " = " + key.value, "sockets are of TCP, UDP or streams of unix");
          continue;
        }
        auto where = expand(key);
        if (where.starts_with('/'))
          where = "unix:" + where;
        else if (to_number(where, 1, 65535))
          where = (datagram ? "udp:[::]:" : "[::]:") + where;
        else if (datagram)
          where = "udp:" + where;
        std::vector<entry> entries{{"listen", toml(where), {}}};
        if (name != nullptr)
          entries.push_back({"name", toml(expand(*name)), {}});
        daemon_.add("socket", std::move(entries));
      }
    }
  }

  void read_timer() {
    bool found = false;
    for (const auto& part : beside(".timer"))
      for (const auto& key : part.keys) {
        if (part.name != "Timer" || key.value.empty())
          continue;
        bool infinite = false;
        if (key.key == "OnCalendar") {
          daemon_.text("schedule", "calendar", key.value);
          found = true;
        } else if (key.key == "OnUnitActiveSec" || key.key == "OnUnitInactiveSec") {
          if (auto every = parse_span(key.value, infinite))
            daemon_.text("schedule", "every", format_duration(*every));
          found = true;
        } else if (key.key != "Unit") {
          daemon_.lost(
            fmt::format("{} = {} of its timer", key.key, key.value), "a schedule has no such key", "schedule");
        }
      }
    if (found && !supported("daemon.schedule", "calendar"))
      daemon_.set("", "autostart", "false", "a timer starts it, see below");
  }

  void read_rest() {
    std::vector<std::pair<std::string_view, std::string>> lost; // by reason, in order
    for (const auto& part : sections_) {
      if (part.name.starts_with("X-"))
        continue;
      if (part.name != "Unit" && part.name != "Service" && part.name != "Install") {
        daemon_.lost(fmt::format("[{}]", part.name), "no section of a service unit");
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
      daemon_.lost(what, why);
  }

  static std::string_view reason(const ini_key& key) {
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

  std::string path_, unit_;
  const surroundings& around_;
  faults& problems_;
  const std::set<std::string>& units_;
  daemon_draft daemon_;
  ini sections_;
  specifiers specifiers_;
  std::string unknown_;
};

} // namespace

result import_systemd(const std::vector<source_file>& files, const surroundings& around) {
  faults problems{files.front().path};
  draft what;
  what.source = "Made by 'duende import systemd";
  std::set<std::string> units;
  for (const auto& file : files) {
    what.source += " " + file.path;
    units.insert(unit_of(file.path));
  }
  what.source += "'.";
  for (const auto& file : files)
    if (auto daemon = unit_reader{file, around, problems, units}.run())
      what.daemons.push_back(std::move(*daemon));
  return conclude(std::move(what), problems, files.front().path);
}

} // namespace duende::porting
