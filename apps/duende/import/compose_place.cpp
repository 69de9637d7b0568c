// Of a compose service: folders, environment, dependencies, and what is left out.
#include "apps/duende/import/compose.hpp"
#include "core/paths.hpp"

#include <algorithm>
#include <array>

namespace duende::porting {
namespace {

/// Keys that are read below, or that say nothing to who has no containers.
constexpr auto handled = std::to_array<std::string_view>(
  {"image",       "build",          "command",     "entrypoint", "environment", "env_file",          "depends_on",
   "restart",     "healthcheck",    "working_dir", "user",       "stop_signal", "stop_grace_period", "profiles",
   "deploy",      "scale",          "mem_limit",   "cpus",       "pids_limit",  "ulimits",           "logging",
   "pull_policy", "container_name", "platform",    "init",       "tty",         "stdin_open",        "attach",
   "annotations"});

std::string_view reason(std::string_view key) {
  if (key == "ports" || key == "expose")
    return "without a container the program listens on the machine itself";
  if (key == "volumes" || key == "tmpfs" || key == "configs" || key == "secrets" || key == "read_only")
    return "without a container the program sees the machine's own files";
  if (
    key.starts_with("network") || key == "hostname" || key == "links" || key.starts_with("dns") || key == "extra_hosts"
    || key == "domainname")
    return "without a container the program has the machine's own network: other services are at 127.0.0.1";
  if (key == "labels")
    return "a daemon has no labels";
  if (key == "cap_add" || key == "cap_drop" || key == "privileged" || key == "security_opt")
    return "see [daemon.security] for what there is";
  if (key == "extends")
    return "write here what it extends";
  return "duende has nothing like it";
}

} // namespace

void compose_reader::read_mounts(const yaml_node& volumes) {
  mounts_.clear();
  for (const auto& each : volumes.items()) {
    std::string from, to;
    if (each.is(kind::map)) {
      from = text(each["source"], "volumes");
      to = text(each["target"], "volumes");
    } else {
      auto whole = text(each, "volumes");
      auto colon = whole.find(':');
      if (colon == std::string::npos)
        continue;
      from = whole.substr(0, colon);
      to = whole.substr(colon + 1, whole.find(':', colon + 1) - colon - 1);
    }
    while (to.size() > 1 && to.ends_with('/'))
      to.pop_back();
    if ((from.starts_with('.') || from.starts_with('/')) && to.starts_with('/'))
      mounts_.emplace_back(absolute_path(folder_, from), to);
  }
}

std::string compose_reader::on_host(const std::string& inside) const {
  for (const auto& [from, to] : mounts_)
    if (inside == to || (inside.starts_with(to) && inside[to.size()] == '/'))
      return from + inside.substr(to.size());
  return inside.starts_with('/') ? inside : absolute_path(folder_, inside);
}

bool compose_reader::mounted(const std::string& inside) const {
  return std::any_of(mounts_.begin(), mounts_.end(), [&](const auto& each) {
    return inside == each.second || inside.starts_with(each.second + "/");
  });
}

void compose_reader::read_place(daemon_draft& daemon, const yaml_node& service, bool built) {
  auto where = text(service["working_dir"], "working_dir");
  auto build = service["build"];
  auto context = build.is(kind::map) ? text(build["context"], "context") : built ? text(build, "build") : "";
  if (context.find("://") != std::string::npos)
    context.clear();
  auto base = absolute_path(folder_, context.empty() ? "." : context);
  if (where.empty())
    daemon.text("", "working_dir", base);
  else if (where.starts_with('/') && !mounted(where))
    daemon.set(
      "", "working_dir", toml(base),
      fmt::format("not carried over: working_dir = {}: that is a folder of the image", where));
  else
    daemon.text("", "working_dir", on_host(where));
  if (auto user = text(service["user"], "user"); !user.empty()) {
    auto colon = user.find(':');
    daemon.text("", "user", user.substr(0, colon));
    if (colon != std::string::npos && colon + 1 < user.size())
      daemon.text("", "group", user.substr(colon + 1));
  }
}

void compose_reader::read_environment(daemon_draft& daemon, const yaml_node& service) {
  std::map<std::string, std::string> variables;
  std::vector<std::string> inherited{"PATH", "HOME", "LANG", "TZ"};
  auto add = [&](const std::string& name, std::optional<std::string> value) {
    if (value)
      variables[name] = std::move(*value);
    else if (auto found = dot_env_.find(name); found != dot_env_.end())
      variables[name] = found->second;
    else
      inherited.push_back(name);
  };
  auto environment = service["environment"];
  for (auto& [name, value] : environment.members())
    add(name, value ? std::optional{text(value, "environment")} : std::nullopt);
  for (const auto& item : environment.items()) {
    auto whole = text(item, "environment");
    auto equals = whole.find('=');
    add(whole.substr(0, equals), equals == std::string::npos ? std::nullopt : std::optional{whole.substr(equals + 1)});
  }
  if (environment.is(kind::scalar))
    problems_.add(environment.line(), "'environment': expected a mapping or a list of NAME=value");
  daemon.env(std::move(variables));
  daemon.set("", "inherit_env", toml(inherited));
  std::vector<std::string> files;
  auto list = service["env_file"];
  auto items = list.is(kind::scalar) ? std::vector{list} : list.items();
  for (const auto& item : items) {
    auto file = absolute_path(folder_, text(item.is(kind::map) ? item["path"] : item, "env_file"));
    bool optional = item.is(kind::map) && text(item["required"], "required") == "false";
    if (optional && !around_.read(file))
      daemon.lost("env_file = " + file, "that file is not there now, and duende has no optional ones");
    else
      files.push_back(std::move(file));
  }
  if (!files.empty())
    daemon.set("", "env_file", toml(files));
}

void compose_reader::read_needs(daemon_draft& daemon, const yaml_node& list) {
  if (list.is(kind::scalar))
    problems_.add(list.line(), "'depends_on': expected a list or a mapping of services");
  for (const auto& item : list.items())
    daemon.needs.push_back({text(item, "depends_on"), milestone::started});
  for (auto& [name, value] : list.members()) {
    auto condition = text(value["condition"], "condition");
    auto until = milestone::started;
    if (condition == "service_healthy")
      until = milestone::ready;
    else if (condition == "service_completed_successfully")
      until = milestone::completed;
    else if (!condition.empty() && condition != "service_started")
      problems_.add(value.line(), "'depends_on': unknown condition '{}' of '{}'", condition, name);
    daemon.needs.push_back({name, until});
  }
}

void compose_reader::read_rest(daemon_draft& daemon, const yaml_node& service) {
  for (auto& [key, value] : service.members()) {
    if (key.starts_with("x-") || std::find(handled.begin(), handled.end(), key) != handled.end())
      continue;
    std::string content;
    if (value.is(kind::scalar))
      content = " = " + text(value, key);
    for (const auto& item : value.items())
      content += fmt::format("{}{}", content.empty() ? " = " : ", ", item.is(kind::scalar) ? text(item, key) : "...");
    daemon.lost(key + content, reason(key));
  }
}

} // namespace duende::porting
