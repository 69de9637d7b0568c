#include "actors/launch.hpp"

#include "actors/accounts.hpp"
#include "core/errc.hpp"
#include "core/instances.hpp"
#include "core/paths.hpp"
#include "policies/confinement.hpp"

#include <unistd.h>

#include <algorithm>

namespace duende {
namespace {

constexpr std::string_view default_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// execvp's search, done here so that the error can name where was looked.
caf::expected<std::string> find_program(const std::string& name, const std::vector<std::string>& env) {
  if (name.find('/') != std::string::npos)
    return name;
  std::string_view path = default_path;
  for (auto& entry : env)
    if (entry.starts_with("PATH="))
      path = std::string_view{entry}.substr(5);
  for (std::string_view rest = path; !rest.empty();) {
    auto colon = std::min(rest.find(':'), rest.size());
    auto folder = rest.substr(0, colon);
    rest.remove_prefix(std::min(colon + 1, rest.size()));
    if (folder.empty())
      continue; // "" means the working folder in PATH: a trap for daemons
    auto candidate = fmt::format("{}/{}", folder, name);
    if (access(candidate.c_str(), X_OK) == 0)
      return candidate;
  }
  return fail(errc::spawn_failed, "cannot find '{}' in PATH ({})", name, path);
}

} // namespace

bool changes_user(const daemon_spec& spec) { return !spec.user.empty() || !spec.group.empty(); }

bool uses_notify(const daemon_spec& spec) {
  return spec.ready.type == readiness_type::notify || spec.watchdog || spec.fd_store_max > 0;
}

std::vector<std::string> make_environment(const services& with, const daemon_spec& spec, const uuid& id) {
  std::vector<std::string> env;
  auto overridden = [&](std::string_view entry) {
    return spec.env.contains(std::string{entry.substr(0, entry.find('='))});
  };
  auto inherited = [&](std::string_view entry) {
    auto name = entry.substr(0, entry.find('='));
    auto& names = spec.inherit_env.names;
    if (
      name.starts_with("DUENDE_KEEPER") || name == "DUENDE_GENERATION" || name == "NOTIFY_SOCKET" || name == "FDSTORE"
      || name.starts_with("LISTEN_") || name == "DUENDE_INSTANCE" || name == "TRACEPARENT" || name == "TRACESTATE")
      return false; // between the node and those who started it
    return spec.inherit_env.all || std::find(names.begin(), names.end(), name) != names.end();
  };
  for (auto& entry : with.environment)
    if (inherited(entry) && !overridden(entry))
      env.push_back(entry);
  for (auto& [key, value] : spec.env)
    env.push_back(fmt::format("{}={}", key, value));
  if (!spec.instance_of.empty())
    env.push_back(fmt::format("DUENDE_INSTANCE={}", instance_number(spec)));
  if (uses_notify(spec))
    env.push_back("NOTIFY_SOCKET=" + notify_path_of(with, id));
  if (spec.fd_store_max > 0)
    env.push_back(fmt::format("FDSTORE={}", spec.fd_store_max));
  if (spec.watchdog)
    env.push_back(fmt::format(
      "WATCHDOG_USEC={}", std::chrono::duration_cast<std::chrono::microseconds>(spec.watchdog->interval).count()));
  return env;
}

void add_trace(std::vector<std::string>& env, const daemon_spec& spec, const trace_ptr& operation) {
  if (!operation || spec.env.contains("TRACEPARENT"))
    return;
  env.push_back("TRACEPARENT=" + to_traceparent(*operation));
  if (!operation->state.empty() && !spec.env.contains("TRACESTATE"))
    env.push_back("TRACESTATE=" + operation->state);
}

caf::expected<std::shared_ptr<launch_request>> make_launch(
  const services& with, const daemon_spec& spec, const uuid& id, std::uint32_t incarnation, std::string record) {
  auto request = std::make_shared<launch_request>();
  request->id = id;
  request->incarnation = incarnation;
  request->record = std::move(record);
  request->env = make_environment(with, spec, id);
  auto program = find_program(spec.binary_path, request->env);
  if (!program)
    return program.error();
  request->path = std::move(*program);
  request->argv.reserve(spec.args.size() + 1);
  request->argv.push_back(spec.binary_path);
  request->argv.insert(request->argv.end(), spec.args.begin(), spec.args.end());
  request->working_dir = spec.working_dir;
  if (changes_user(spec)) {
    auto known = with.users ? with.users->known(spec.user, spec.group) : std::nullopt;
    auto as = known ? std::move(*known) : look_up(spec.user, spec.group);
    if (!as)
      return as.error();
    request->change_user = true;
    request->uid = as->uid;
    request->gid = as->gid;
    request->groups = std::move(as->groups);
  }
  if (spec.open_files_max != 0)
    request->rlimits.push_back({RLIMIT_NOFILE, {spec.open_files_max, spec.open_files_max}});
  request->no_new_privileges = spec.no_new_privileges;
  auto box = confinement_of(spec);
  if (!box)
    return box.error();
  request->sandbox = std::move(*box);
  request->err = spec.logs.merge_stderr ? stdio_mode::join_stdout : stdio_mode::pipe;
  if (uses_notify(spec))
    request->notify_path = notify_path_of(with, id);
  if (spec.ready.type == readiness_type::fd)
    request->ready_fd = spec.ready.fd;
  for (auto& each : spec.sockets)
    request->sockets.emplace_back(each.listen, each.name.empty() ? spec.name : each.name);
  return request;
}

caf::expected<std::shared_ptr<launch_request>> make_hook_launch(
  const services& with, const daemon_spec& spec, const uuid& id, const std::vector<std::string>& words,
  const std::vector<std::string>& more) {
  auto as = spec;
  as.binary_path = words.front();
  as.args.assign(words.begin() + 1, words.end());
  as.ready = {};
  as.watchdog.reset();
  as.sockets.clear();
  as.fd_store_max = 0;
  auto request = make_launch(with, as, uuid::random(), 1, {});
  if (!request)
    return request;
  (*request)->output_of = id;
  (*request)->env.insert((*request)->env.end(), more.begin(), more.end());
  return request;
}

} // namespace duende
