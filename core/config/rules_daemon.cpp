// Rows of [[daemon]] and its sections that this version supports.
#include "core/config/fields.hpp"
#include "core/config/special.hpp"
#include "core/instances.hpp"

#include <array>

namespace duende::config {
namespace {

constexpr double year = 366 * 86400.0;
constexpr auto backends =
  std::to_array<std::string_view>({"native", "systemd", "launchd", "container", "microvm", "wasm", "auto"});
constexpr auto restart_kinds =
  std::to_array<std::string_view>({"never", "on-failure", "always", "unless-stopped", "max-retries"});
constexpr auto readiness_types =
  std::to_array<std::string_view>({"none", "notify", "fd", "tcp", "http", "exec", "log"});

template <auto... Path>
constexpr rule daemon(std::string_view key, shape type, std::string_view doc) {
  return row<daemon_spec, Path...>("daemon", key, type, doc);
}
template <auto Member>
constexpr rule restart(std::string_view key, shape type, std::string_view doc) {
  return row<daemon_spec, &daemon_spec::restart, Member>("daemon.restart", key, type, doc);
}
template <auto Member>
constexpr rule ready(std::string_view key, shape type, std::string_view doc) {
  return row<daemon_spec, &daemon_spec::ready, Member>("daemon.ready", key, type, doc);
}
template <auto Member>
constexpr rule logs(std::string_view key, shape type, std::string_view doc) {
  return row<daemon_spec, &daemon_spec::logs, Member>("daemon.logs", key, type, doc);
}

using d = daemon_spec;
using held = socket_spec;

const auto of_daemon = std::to_array<rule>({
  {"daemon", "name", shape::name, "Unique among daemons.", set_daemon_name, get_field<d, &d::name>},
  {"daemon", "supervisor", shape::name, "The supervisor above.", set_supervisor_reference<d>,
   get_field<d, &d::supervisor>},
  daemon<&d::version>("version", shape::text, "Free text, shown."),
  daemon<&d::description>("description", shape::text, "Free text, shown."),
  one_of({"daemon", "backend", shape::choice, "Where it runs.", set_backend, get_field<d, &d::backend>}, backends),
  {"daemon", "binary_path", shape::program, "The program: a path, or a bare name looked up in PATH.", set_program,
   get_field<d, &d::binary_path>},
  {"daemon", "args", shape::texts, "Its arguments, without its own name.", set_args, get_field<d, &d::args>},
  {"daemon", "command", shape::command,
   "Program and arguments in one line, instead of binary_path and args. Split like a shell does; no shell is run.",
   set_command, nullptr},
  {"daemon", "env", shape::text_table, "Variables of its environment.", set_env, get_field<d, &d::env>},
  {"daemon", "env_file", shape::texts, "Files of KEY=VALUE lines; later ones win, and env wins over all.", set_env_file,
   nullptr},
  {"daemon", "inherit_env", shape::inherit,
   "Which variables pass from the node's environment: names, true (all) or false (none).", set_inherit_env,
   get_inherit_env},
  daemon<&d::user>("user", shape::text, "User to run as, name or number. Default: the node's."),
  daemon<&d::group>("group", shape::text, "Group to run as, name or number. Default: the user's."),
  daemon<&d::working_dir>("working_dir", shape::path, "Where it starts. Default: the folder of the configuration."),
  daemon<&d::autostart>("autostart", shape::boolean, "Start it when the node comes up."),
  {"daemon", "depends_on", shape::dependencies,
   "Daemons to wait for: names (until ready), or { name, until = \"started\" | \"ready\" | \"completed\" }.",
   set_depends_on, get_depends_on},
  {"daemon", "stop_signal", shape::signal, "What asks it to stop: a name or a number.", set_stop_signal,
   get_stop_signal},
  within(
    daemon<&d::shutdown_timeout>(
      "shutdown_timeout", shape::duration, "After the stop signal; then SIGKILL to the whole process group."),
    0, year),
  daemon<&d::pid_file>("pid_file", shape::path, "Written with its pid while it runs."),

  section("daemon", "restart", shape::section, "When it comes back, and after how long."),
  one_of(
    restart<&restart_policy::kind>("policy", shape::choice, "When an ended daemon is started again."), restart_kinds),
  within(restart<&restart_policy::retries>("max_retries", shape::integer, "For max-retries; 0 = no limit."), 0, 4e9),
  within(
    restart<&restart_policy::initial_delay>("initial_delay", shape::duration, "Before the first restart."), 0, year),
  within(
    restart<&restart_policy::next_delay>("next_delay", shape::duration, "Before the second; then times multiplier."), 0,
    year),
  within(restart<&restart_policy::multiplier>("multiplier", shape::number, "Growth of the delay."), 1, 1000),
  within(restart<&restart_policy::max_delay>("max_delay", shape::duration, "The delay grows no further."), 0, year),
  within(
    restart<&restart_policy::jitter>("jitter", shape::number, "Share by which a delay varies, up and down."), 0, 1),
  within(
    restart<&restart_policy::reset_after>("reset_after", shape::duration, "A run this long clears the streak."), 0,
    year),
  within(
    restart<&restart_policy::success_codes>("success_codes", shape::integers, "Exit codes that are no failure."), 0,
    255),

  section("daemon", "ready", shape::section, "When Starting becomes Running."),
  one_of(
    ready<&readiness_spec::type>("type", shape::choice, "How readiness is told; none: as soon as exec has succeeded."),
    readiness_types),
  within(ready<&readiness_spec::timeout>("timeout", shape::duration, "Later is a failed start."), 1e-3, year),
  ready<&readiness_spec::address>("address", shape::address, "tcp: HOST:PORT, [V6]:PORT or unix:PATH that accepts."),
  ready<&readiness_spec::url>("url", shape::url, "http: what is asked for."),
  within(ready<&readiness_spec::expect>("expect", shape::integers, "http: status codes that mean ready."), 100, 599),
  {"daemon.ready", "command", shape::program_call, "exec: ready when it exits with 0.", set_ready_command,
   get_field<d, &d::ready, &readiness_spec::command>},
  ready<&readiness_spec::pattern>("pattern", shape::pattern, "log: ECMAScript regex that a line of output matches."),
  within(
    ready<&readiness_spec::fd>("number", shape::integer, "fd: the descriptor on which the daemon writes a newline."), 3,
    1023),

  section("daemon", "resources", shape::section, "Limits; absent = not limited."),
  within(
    row<d, &d::open_files_max>(
      "daemon.resources", "open_files_max", shape::integer, "Open descriptors (RLIMIT_NOFILE)."),
    0, 1'073'741'816),

  section("daemon", "security", shape::section, "What it may do."),
  row<d, &d::no_new_privileges>(
    "daemon.security", "no_new_privileges", shape::boolean, "No gain of rights by exec (PR_SET_NO_NEW_PRIVS)."),

  {"daemon", "socket", shape::sections,
   "Sockets that are opened and held for it: passed as LISTEN_FDS, never closed between its lives.", set_sockets,
   get_sockets},
  row<held, &held::listen>(
    "daemon.socket", "listen", shape::listen, "IP:PORT, [IPV6]:PORT, udp:IP:PORT or unix:/PATH."),
  row<held, &held::name>("daemon.socket", "name", shape::name, "In LISTEN_FDNAMES. Default: the daemon's name."),
  within(
    daemon<&d::fd_store_max>(
      "fd_store_max", shape::integer,
      "So many descriptors it may leave to its next life, by FDSTORE=1 of sd_notify; 0 = none."),
    0, max_stored_fds),

  within(
    {"daemon", "instances", shape::integer, "N > 1 gives name-1 to name-N, each with its number in DUENDE_INSTANCE.",
     set_instances, nullptr},
    1, max_instances),
  daemon<&d::instance_of>(
    "instance_of", shape::name, "The name that several instances share. Written by duende itself for 'instances'."),
  section("daemon", "rolling", shape::section, "How instances are replaced."),
  within(
    row<d, &d::max_unavailable>(
      "daemon.rolling", "max_unavailable", shape::integer,
      "So many may be down meanwhile; 0 = a new one is ready before an old one stops."),
    0, max_instances),

  section("daemon", "logs", shape::section, "Captured output."),
  logs<&log_spec::dir>("dir", shape::path, "Default: <state_dir>/logs/<name>."),
  within(logs<&log_spec::max_bytes>("max_bytes", shape::size, "A file this large is rotated; 0 = never."), 0, 9.2e18),
  within(
    logs<&log_spec::max_files>("max_files", shape::integer, "How many are kept, the current one included."), 1, 10'000),
  logs<&log_spec::timestamps>("timestamps", shape::boolean, "Each line begins with its time."),
  logs<&log_spec::merge_stderr>("merge_stderr", shape::boolean, "Both streams into one file."),
  within(
    logs<&log_spec::crash_reports>(
      "crash_reports", shape::integer, "How many reports of abnormal ends are kept; 0 = none are written."),
    0, 100),
});

} // namespace

std::span<const rule> daemon_rules() { return of_daemon; }

} // namespace duende::config
