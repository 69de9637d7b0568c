// Rows of what happens around a daemon's life: hooks, watch and schedule.
#include "core/config/checks.hpp"
#include "core/config/fields.hpp"
#include "core/errc.hpp"
#include "core/suggest.hpp"
#include "core/words.hpp"

#include <array>

namespace duende::config {
namespace {

constexpr double longest_hook = 86400.0, longest_interval = 366 * 86400.0;
constexpr auto hook_keys = std::to_array<std::string_view>({"command", "timeout"});

/// A member of a part that most daemons do not have.
template <auto Part, auto Member>
void set_part(context& c, const rule& r, const value& v) {
  assign(c, r, v, (c.as<daemon_spec>().*Part).obtain().*Member);
}

template <auto Part, auto Member>
nlohmann::json get_part(const rule& r, const void* object) {
  const auto& part = static_cast<const daemon_spec*>(object)->*Part;
  return part ? emit(r, (*part).*Member) : nlohmann::json();
}

/// One that is not written where it is zero or empty, which is what it is by default.
template <auto Part, auto Member>
nlohmann::json get_written(const rule& r, const void* object) {
  const auto& part = static_cast<const daemon_spec*>(object)->*Part;
  using content = std::remove_cvref_t<decltype((*part).*Member)>;
  return part && (*part).*Member != content{} ? emit(r, (*part).*Member) : nlohmann::json();
}

template <auto Part, auto Member>
constexpr rule part(std::string_view section, std::string_view key, shape type, std::string_view doc) {
  return {section, key, type, doc, &set_part<Part, Member>, &get_part<Part, Member>};
}

template <auto Member>
constexpr rule timing(std::string_view key, shape type, std::string_view doc) {
  constexpr auto schedule = &daemon_spec::schedule;
  return {"daemon.schedule", key, type, doc, &set_part<schedule, Member>, &get_written<schedule, Member>};
}

/// The words of one hook; empty after reporting.
std::vector<std::string> hook_words(context& c, const rule& r, const value& v) {
  auto words = split_words(v.text);
  if (!words) {
    c.error(v.at, "'{}{}': {}", c.path, r.key, sentence(words.error()));
  } else if (words->empty() || words->front().empty()) {
    c.error(v.at, "'{}{}': an empty command", c.path, r.key);
  } else if (auto problem = check_text(shape::program, words->front(), c.dir); !problem.empty()) {
    c.error(v.at, "'{}{}': {}", c.path, r.key, problem);
  } else {
    return std::move(*words);
  }
  return {};
}

void read_hook(context& c, const rule& r, const value& item, std::vector<hook_command>& to) {
  hook_command one;
  const value* command = item.type == kind::table ? item.find("command") : &item;
  if (command == nullptr)
    return c.error(item.at, "'{}{}': a hook without 'command'", c.path, r.key);
  if (command->type != kind::string)
    return c.error(command->at, "'{}{}': expected a command, found {}", c.path, r.key, name_of(command->type));
  for (const auto& entry : item.members) {
    if (entry.key == "command")
      continue;
    if (entry.key != "timeout") {
      c.error(
        entry.at, "'{}{}': unknown key '{}'{}", c.path, r.key, entry.key.substr(0, 100),
        did_you_mean(entry.key, hook_keys));
    } else if (entry.content.type != kind::string) {
      c.error(
        entry.content.at, "'{}{}.timeout': expected a duration such as \"30s\", found {}", c.path, r.key,
        name_of(entry.content.type));
    } else {
      rule bounds = r;
      bounds.low = 1e-3;
      bounds.high = longest_hook;
      assign(c, bounds, entry.content, one.timeout.emplace());
    }
  }
  one.words = hook_words(c, r, *command);
  if (!one.words.empty())
    to.push_back(std::move(one));
}

template <auto Member>
void set_hooks(context& c, const rule& r, const value& v) {
  if (v.items.size() > max_hook_commands)
    return c.error(v.at, "'{}{}': {} commands; the most is {}", c.path, r.key, v.items.size(), max_hook_commands);
  std::vector<hook_command> commands;
  for (const auto& item : v.items)
    read_hook(c, r, item, commands);
  if (!commands.empty())
    c.as<daemon_spec>().hooks.obtain().*Member = std::move(commands);
}

template <auto Member>
nlohmann::json get_hooks(const rule&, const void* object) {
  const auto& hooks = static_cast<const daemon_spec*>(object)->hooks;
  if (!hooks || ((*hooks).*Member).empty())
    return nlohmann::json();
  auto result = nlohmann::json::array();
  for (const auto& each : (*hooks).*Member) {
    if (each.timeout)
      result.push_back({{"command", join_words(each.words)}, {"timeout", format_duration(*each.timeout)}});
    else
      result.push_back(join_words(each.words));
  }
  return result;
}

template <auto Member>
constexpr rule hook(std::string_view key, std::string_view doc) {
  return {"daemon.hooks", key, shape::commands, doc, &set_hooks<Member>, &get_hooks<Member>};
}

void set_watch_paths(context& c, const rule& r, const value& v) {
  std::vector<std::string> paths;
  for (const auto& item : v.items) {
    auto path = item.text;
    if (item.type != kind::string) {
      c.error(item.at, "'{}{}': expected a string, found {}", c.path, r.key, name_of(item.type));
    } else if (auto problem = check_text(shape::path, path, c.dir); !problem.empty()) {
      c.error(item.at, "'{}{}': {}", c.path, r.key, problem);
    } else {
      while (path.size() > 1 && path.back() == '/')
        path.pop_back();
      paths.push_back(std::move(path));
    }
  }
  if (paths.size() > 64)
    c.error(v.at, "'{}{}': {} paths; the most is 64", c.path, r.key, paths.size());
  c.as<daemon_spec>().watch.obtain().paths = std::move(paths);
}

const auto of_life = std::to_array<rule>({
  section(
    "daemon", "hooks", shape::section,
    "Commands around its life: lines, or { command, timeout }. DUENDE_NAME, DUENDE_HOOK, DUENDE_CAUSE, DUENDE_RESTARTS "
    "and, where there is one, DUENDE_PID are in their environment."),
  hook<&hook_spec::pre_start>("pre_start", "Before each start; one that fails is a failed start."),
  hook<&hook_spec::post_start>("post_start", "Once it is running and ready."),
  hook<&hook_spec::pre_stop>("pre_stop", "Before the stop signal of a stop that was ordered."),
  hook<&hook_spec::post_stop>("post_stop", "After each end, before the next start."),
  hook<&hook_spec::on_give_up>("on_give_up", "When it is marked failed and waits for a person."),
  hook<&hook_spec::reload>("reload", "What 'duende reload' does instead of SIGHUP."),
  within(
    part<&daemon_spec::hooks, &hook_spec::timeout>(
      "daemon.hooks", "timeout", shape::duration, "Of each that names none of its own; default 30s."),
    1e-3, longest_hook),

  section("daemon", "watch", shape::section, "Restart when files change."),
  {"daemon.watch", "paths", shape::texts, "Files and folders.", set_watch_paths,
   &get_part<&daemon_spec::watch, &watch_spec::paths>},
  part<&daemon_spec::watch, &watch_spec::ignore>(
    "daemon.watch", "ignore", shape::texts,
    "Globs of names, or of paths where they hold a slash. Default: .git, *.swp, *~"),
  within(
    part<&daemon_spec::watch, &watch_spec::debounce>(
      "daemon.watch", "debounce", shape::duration,
      "The restart comes when nothing has changed for so long; default 200ms."),
    1e-3, 3600),
  part<&daemon_spec::watch, &watch_spec::recursive>(
    "daemon.watch", "recursive", shape::boolean, "Folders below those too; default true."),

  section("daemon", "schedule", shape::section, "Run to completion at times instead of keeping alive."),
  within(
    timing<&schedule_spec::every>("every", shape::duration, "From the start of one run to the next."), 1e-2,
    longest_interval),
  timing<&schedule_spec::calendar>(
    "calendar", shape::calendar,
    "As systemd.time(7) has it: \"Mon..Fri 03:00\", \"hourly\", \"*-*-01 04:00 Europe/Berlin\"."),
  within(
    timing<&schedule_spec::jitter>("jitter", shape::duration, "Each run is up to this much later."), 0, longest_hook),
  timing<&schedule_spec::catch_up>(
    "catch_up", shape::boolean, "Run once at start where a run was missed; default false."),
});

} // namespace

std::span<const rule> life_rules() { return of_life; }

} // namespace duende::config
