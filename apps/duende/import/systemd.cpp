// systemd's service units. Sources: systemd.unit(5), systemd.service(5), systemd.exec(5), systemd.kill(5), systemd.resource-control(5).
#include "apps/duende/import/systemd_unit.hpp"

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

std::string base_name(std::string_view path) { return std::string{path.substr(path.rfind('/') + 1)}; }

std::string unit_of(std::string_view path) {
  auto name = base_name(path);
  return name.ends_with(".service") ? name : name + ".service";
}

class unit_reader : unit_keys {
public:
  unit_reader(const source_file& file, const surroundings& around, faults& problems, const std::set<std::string>& units)
    : unit_keys{file.path, unit_of(file.path), around, problems}, units_(units),
      daemon_(unit.substr(0, unit.size() - std::string_view{".service"}.size())) {
    faults mine{path};
    std::string_view text = file.text;
    if (readable(text, mine))
      parse_systemd_ini(path, text, sections, mine);
    for (const auto& drop_in : around.glob(path + ".d/*.conf"))
      if (auto more = around.read(drop_in)) {
        faults its{drop_in};
        if (readable(*more, its))
          parse_systemd_ini(drop_in, *more, sections, its);
        for (auto& each : its.take())
          problems.put(each.file, each.line, each.column, each.message);
      }
    for (auto& each : mine.take())
      problems.put(each.file, each.line, each.column, each.message);
    known = specifiers_of(unit, around.host_name);
  }

  std::optional<daemon_draft> run() {
    if (problems.any())
      return std::nullopt;
    if (
      path.ends_with(".socket") || path.ends_with(".timer") || path.ends_with(".target") || path.ends_with(".mount")) {
      problems.put(
        path, 0, 0, "only service units can be imported; a .socket and a .timer beside one are read with it");
      return std::nullopt;
    }
    if (section("Service") == nullptr) {
      problems.put(path, 0, 0, "no [Service] section: is this a service unit?");
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
    porting::read_stop(*this, daemon_);
    porting::read_restart(*this, daemon_);
    porting::read_limits(*this, daemon_);
    porting::read_security(*this, daemon_);
    read_hooks();
    porting::read_beside(*this, daemon_);
    porting::read_rest(*this, daemon_);
    if (!unknown.empty())
      daemon_.lost(
        fmt::format("the specifiers %{}", fmt::join(unknown, ", %")),
        "duende has nothing like them; they stand as they were");
    return std::move(daemon_);
  }

private:
  void read_template() {
    auto name = unit.substr(0, unit.rfind('.'));
    if (!name.ends_with('@'))
      return;
    std::string instance = "instance";
    if (auto* given = last("Install", "DefaultInstance"))
      instance = given->value;
    known = specifiers_of(fmt::format("{}{}.service", name, instance), around.host_name);
    daemon_ = daemon_draft{name + instance};
    if (auto* text = last("Unit", "Description"))
      daemon_.text("", "description", expand(*text));
    daemon_.remark(fmt::format("A template: %i became '{}'. Copy this daemon for each instance.", instance));
  }

  bool oneshot() const {
    auto* type = last("Service", "Type");
    return type != nullptr && type->value == "oneshot";
  }

  bool read_command() {
    auto lines = all("Service", "ExecStart");
    if (lines.empty()) {
      if (!problems.any())
        problems.put(path, section("Service")->line, 0, "[Service] has no 'ExecStart'");
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
      auto parts = command(*line, ignored, daemon_);
      if (parts.empty())
        return false;
      if (lines.size() == 1) {
        daemon_.command(parts);
        if (ignored)
          daemon_.lost("the '-' of ExecStart", "no exit code is a success without being named in success_codes");
        return true;
      }
      auto step = ignored ? fmt::format("{{ {} || true; }}", join_words(parts)) : join_words(parts);
      joined += (joined.empty() ? "" : " && ") + step;
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
      if (optional && !around.read(file))
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

  void read_hooks() {
    for (auto [theirs, ours] :
         {std::pair{"ExecStartPre", "pre_start"},
          {"ExecStartPost", "post_start"},
          {"ExecStop", "pre_stop"},
          {"ExecStopPost", "post_stop"}}) {
      std::vector<std::string> lines;
      for (auto* key : all("Service", theirs)) {
        bool ignored = false;
        auto parts = command(*key, ignored, daemon_);
        if (parts.empty())
          continue;
        auto line = join_words(parts);
        lines.push_back(ignored ? join_words({"/bin/sh", "-c", line + " || true"}) : line);
      }
      if (!lines.empty())
        daemon_.set("hooks", ours, toml(lines));
    }
    std::vector<std::string> reloads;
    bool others = false;
    for (auto* key : all("Service", "ExecReload")) {
      bool hup = key->value.find("kill") != std::string::npos && key->value.find("MAINPID") != std::string::npos
                 && (key->value.find("HUP") != std::string::npos || key->value.find(" -1 ") != std::string::npos);
      bool ignored = false;
      auto parts =
        hup ? std::vector<std::string>{"/bin/sh", "-c", "kill -HUP $DUENDE_PID"} : command(*key, ignored, daemon_);
      if (!parts.empty())
        reloads.push_back(join_words(parts));
      others = others || !hup;
    }
    if (others && !reloads.empty()) // SIGHUP alone is what 'duende reload' sends anyway
      daemon_.set("hooks", "reload", toml(reloads));
  }

  const std::set<std::string>& units_;
  daemon_draft daemon_;
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
