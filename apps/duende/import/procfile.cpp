// Procfile, as foreman and Heroku read it: NAME: COMMAND lines, each run by a shell with $PORT and the variables of .env.
#include "apps/duende/import/draft.hpp"
#include "apps/duende/import/shell.hpp"

#include "core/config/file.hpp"
#include "core/paths.hpp"

#include <algorithm>

namespace duende::porting {
namespace {

constexpr int first_port = 5000, port_step = 100; // foreman's
constexpr std::string_view blanks = " \t\r";

bool name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

bool runs_once(std::string_view name) { return name == "release"; }

} // namespace

result import_procfile(const std::vector<source_file>& files, const surroundings& around) {
  const auto& path = files.front().path;
  std::string_view text = files.front().text;
  faults problems{path};
  if (!readable(text, problems))
    return {{}, problems.take()};
  if (text.starts_with("\xef\xbb\xbf"))
    text.remove_prefix(3);
  draft what;
  what.source = fmt::format("Made by 'duende import procfile {}'.", path);
  auto folder = config::folder_of(path);
  auto dot_env = fmt::format("{}{}.env", folder, folder.ends_with('/') ? "" : "/");
  bool has_env = static_cast<bool>(around.read(dot_env));
  std::map<std::string, std::size_t> seen;
  int port = first_port;
  for (std::size_t line = 1; !text.empty(); ++line) {
    auto end = std::min(text.find('\n'), text.size());
    auto each = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    auto first = each.find_first_not_of(blanks);
    if (first == std::string_view::npos || each[first] == '#')
      continue;
    each = each.substr(first, each.find_last_not_of(blanks) - first + 1);
    auto colon = each.find(':');
    auto name = each.substr(0, colon);
    if (colon == std::string_view::npos || name.empty() || !std::all_of(name.begin(), name.end(), name_character)) {
      problems.add(line, "'{}' is no 'name: command'", each.substr(0, 60));
      continue;
    }
    if (auto [before, fresh] = seen.emplace(name, line); !fresh) {
      problems.add(line, "'{}' is already in line {}", name, before->second);
      continue;
    }
    auto command = each.substr(colon + 1);
    if (command.find_first_not_of(blanks) == std::string_view::npos) {
      problems.add(line, "'{}' has no command", name);
      continue;
    }
    auto plan = without_shell(command);
    daemon_draft daemon{std::string{name}};
    if (auto& program = plan.words.front(); program.find('/') != std::string::npos)
      program = absolute_path(folder, program);
    daemon.command(plan.words);
    daemon.text("", "working_dir", folder);
    daemon.set("", "inherit_env", "true");
    auto variables = std::move(plan.variables);
    variables.emplace("PORT", std::to_string(port));
    daemon.env(std::move(variables));
    if (has_env)
      daemon.set("", "env_file", toml(std::vector<std::string>{dot_env}));
    if (runs_once(name)) {
      daemon.set(
        "", "autostart", "false", "Heroku runs this once before each release, not as a daemon: 'duende start release'");
      daemon.text("restart", "policy", "never");
    }
    what.daemons.push_back(std::move(daemon));
    port += port_step;
  }
  if (what.daemons.empty() && !problems.any())
    problems.add(0, "no 'name: command' line: is this a Procfile?");
  return conclude(std::move(what), problems, path);
}

} // namespace duende::porting
