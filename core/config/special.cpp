#include "core/config/special.hpp"

#include "core/config/checks.hpp"
#include "core/errc.hpp"
#include "core/exit_reason.hpp"
#include "core/suggest.hpp"
#include "core/words.hpp"

#include <algorithm>
#include <array>

namespace duende::config {
namespace {

constexpr auto awaitable_milestones = std::to_array<std::string_view>({"started", "ready", "completed"});

/// The words of a command line; empty after reporting.
std::vector<std::string> words_of(context& c, const rule& r, const value& v) {
  auto words = split_words(v.text);
  if (!words)
    c.error(v.at, "'{}{}': {}", c.path, r.key, sentence(words.error()));
  else if (words->empty() || words->front().empty())
    c.error(v.at, "'{}{}': an empty command", c.path, r.key);
  else
    return std::move(*words);
  return {};
}

/// Checks the first word as a program's path or name.
void check_program_word(context& c, const rule& r, const value& v, std::vector<std::string>& words) {
  if (words.empty())
    return;
  if (auto problem = check_text(shape::program, words.front(), c.dir); !problem.empty())
    c.error(v.at, "'{}{}': {}", c.path, r.key, problem);
}

} // namespace

void set_include(context& c, const rule& r, const value& v) {
  for (const auto& item : v.items) {
    auto pattern = item.text;
    if (item.type != kind::string)
      c.error(item.at, "'{}{}': expected a string, found {}", c.path, r.key, name_of(item.type));
    else if (auto problem = check_text(shape::path, pattern, c.dir); !problem.empty())
      c.error(item.at, "'{}{}': {}", c.path, r.key, problem);
    else
      c.notes.includes.push_back({std::move(pattern), item.at});
  }
}

void set_supervisor_name(context& c, const rule& r, const value& v) {
  c.notes.name = v.at;
  if (v.text == "root")
    return c.error(v.at, "'{}{}': 'root' is the supervisor that exists without being written", c.path, r.key);
  assign(c, r, v, c.as<supervisor_spec>().name);
}

void set_daemon_name(context& c, const rule& r, const value& v) {
  c.notes.name = v.at;
  assign(c, r, v, c.as<daemon_spec>().name);
}

void set_backend(context& c, const rule& r, const value& v) {
  if (word_index(c, r, v) >= 0 && v.text != "native" && v.text != "auto")
    c.error(v.at, "'{}{}': backend '{}' is not supported by this version", c.path, r.key, v.text);
}

void set_program(context& c, const rule& r, const value& v) {
  c.notes.has_program = true;
  assign(c, r, v, c.as<daemon_spec>().binary_path);
}

void set_args(context& c, const rule& r, const value& v) {
  c.notes.has_args = true;
  c.notes.args = v.at;
  if (!c.notes.has_command)
    assign(c, r, v, c.as<daemon_spec>().args);
}

void set_command(context& c, const rule& r, const value& v) {
  c.notes.has_command = true;
  c.notes.command = v.at;
  auto words = words_of(c, r, v);
  check_program_word(c, r, v, words);
  if (words.empty())
    return;
  auto& spec = c.as<daemon_spec>();
  spec.binary_path = std::move(words.front());
  spec.args.assign(std::make_move_iterator(words.begin() + 1), std::make_move_iterator(words.end()));
}

void set_env(context& c, const rule& r, const value& v) { assign(c, r, v, c.as<daemon_spec>().env); }

void set_env_file(context& c, const rule& r, const value& v) {
  for (const auto& item : v.items) {
    auto path = item.text;
    if (item.type != kind::string)
      c.error(item.at, "'{}{}': expected a string, found {}", c.path, r.key, name_of(item.type));
    else if (auto problem = check_text(shape::path, path, c.dir); !problem.empty())
      c.error(item.at, "'{}{}': {}", c.path, r.key, problem);
    else
      c.notes.env_files.push_back({std::move(path), item.at});
  }
}

void set_inherit_env(context& c, const rule& r, const value& v) {
  auto& to = c.as<daemon_spec>().inherit_env;
  if (v.type == kind::array)
    return assign(c, r, v, to.names);
  to.all = v.flag;
  if (!v.flag)
    to.names.clear();
}

nlohmann::json get_inherit_env(const rule&, const void* object) {
  const auto& from = static_cast<const daemon_spec*>(object)->inherit_env;
  return from.all ? nlohmann::json(true) : nlohmann::json(from.names);
}

void set_depends_on(context& c, const rule& r, const value& v) {
  auto& spec = c.as<daemon_spec>();
  for (const auto& item : v.items) {
    dependency needed;
    const value* name = item.type == kind::table ? item.find("name") : &item;
    const value* until = item.type == kind::table ? item.find("until") : nullptr;
    bool good = true;
    auto complain = [&](place at, std::string_view problem) {
      c.error(at, "'{}{}': {}", c.path, r.key, problem);
      good = false;
    };
    for (const auto& entry : item.members)
      if (entry.key != "name" && entry.key != "until")
        complain(
          entry.at, fmt::format(
                      "unknown key '{}'{}", entry.key.substr(0, 100),
                      did_you_mean(entry.key, std::to_array<std::string_view>({"name", "until"}))));
    if (name == nullptr) {
      complain(item.at, "a dependency without 'name'");
    } else if (name->type != kind::string) {
      complain(name->at, fmt::format("expected a name, found {}", name_of(name->type)));
    } else {
      needed.name = name->text;
      if (auto problem = check_text(shape::name, needed.name, c.dir); !problem.empty())
        complain(name->at, problem);
    }
    if (until != nullptr) {
      auto found = std::find(awaitable_milestones.begin(), awaitable_milestones.end(), until->text);
      if (until->type != kind::string)
        complain(until->at, fmt::format("'until': expected a string, found {}", name_of(until->type)));
      else if (found == awaitable_milestones.end())
        complain(
          until->at, fmt::format(
                       "'until': unknown value '{}'{} (accepted: {})", until->text.substr(0, 100),
                       did_you_mean(until->text, awaitable_milestones), fmt::join(awaitable_milestones, ", ")));
      else
        needed.until =
          static_cast<milestone>(static_cast<int>(milestone::started) + (found - awaitable_milestones.begin()));
    }
    if (!good)
      continue;
    spec.depends_on.push_back(std::move(needed));
    c.notes.dependencies.push_back(name->at);
  }
}

nlohmann::json get_depends_on(const rule&, const void* object) {
  auto result = nlohmann::json::array();
  for (const auto& needed : static_cast<const daemon_spec*>(object)->depends_on) {
    if (needed.until == milestone::ready)
      result.push_back(needed.name);
    else
      result.push_back({{"name", needed.name}, {"until", std::string{to_string(needed.until)}}});
  }
  return result;
}

void set_instances(context& c, const rule& r, const value& v) {
  assign(c, r, v, c.notes.instances);
  c.notes.instances_at = v.at;
}

void set_sockets(context& c, const rule& r, const value& v) {
  auto& spec = c.as<daemon_spec>();
  for (const auto& item : v.items) {
    socket_spec held;
    if (item.type != kind::table) {
      c.error(item.at, "'{}{}': expected a table, found {}", c.path, r.key, name_of(item.type));
      continue;
    }
    context inner{c.errors, c.file, c.dir, &held, c.notes, c.path + "socket."};
    read_section(inner, "daemon.socket", item);
    const auto* listen = item.find("listen");
    if (listen == nullptr)
      c.error(item.at, "'{}{}': a socket without 'listen'", c.path, r.key);
    if (spec.sockets.size() == max_sockets)
      return c.error(item.at, "'{}{}': more than {} sockets", c.path, r.key, max_sockets);
    c.notes.sockets.push_back(listen != nullptr ? listen->at : item.at);
    spec.sockets.push_back(std::move(held));
  }
}

nlohmann::json get_sockets(const rule&, const void* object) {
  auto result = nlohmann::json::array();
  const socket_spec defaults;
  for (const auto& held : static_cast<const daemon_spec*>(object)->sockets)
    result.push_back(write_section("daemon.socket", &held, &defaults));
  return result;
}

void set_stop_signal(context& c, const rule& r, const value& v) {
  auto number = signal_number(v.text);
  if (number <= 0)
    return c.error(v.at, "'{}{}': '{}' is no signal", c.path, r.key, v.text.substr(0, 100));
  if (number == SIGSTOP || number == SIGCONT)
    return c.error(v.at, "'{}{}': {} stops no daemon", c.path, r.key, signal_name(number));
  c.as<daemon_spec>().stop_signal = number;
}

nlohmann::json get_stop_signal(const rule&, const void* object) {
  return signal_name(static_cast<const daemon_spec*>(object)->stop_signal);
}

std::vector<std::string> program_words(context& c, const rule& r, const value& v) {
  std::vector<std::string> words;
  if (v.type == kind::string) {
    words = words_of(c, r, v);
  } else {
    assign(c, r, v, words);
    if (v.items.empty() || (!words.empty() && words.front().empty()))
      c.error(v.at, "'{}{}': an empty command", c.path, r.key);
  }
  check_program_word(c, r, v, words);
  return words;
}

void set_ready_command(context& c, const rule& r, const value& v) {
  c.as<daemon_spec>().ready.command = program_words(c, r, v);
}

} // namespace duende::config
