// What is asked for: the configuration as values. The loader (core/config/) makes these; nothing here reads a file.
#pragma once

#include "core/boxed.hpp"
#include "core/spec_list.hpp"
#include "core/spec_policies.hpp"
#include "core/state.hpp"
#include "core/time.hpp"

#include <chrono>
#include <csignal>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace duende {

using namespace std::chrono_literals;

/// When an ended daemon comes back, and how long it waits. Decided by policies/restart.
struct restart_policy {
  restart_kind kind = restart_kind::on_failure;
  std::uint32_t retries = 10;   ///< for max_retries; 0 = no limit
  duration initial_delay = 0ns; ///< before the first restart
  duration next_delay = 100ms;  ///< before the second, then times multiplier
  double multiplier = 2.0;
  duration max_delay = 5min;
  double jitter = 0.1;        ///< +- this share
  duration reset_after = 10s; ///< a run this long clears the streak
  std::vector<int> success_codes = {0};

  static restart_policy never();
  static restart_policy on_failure();
  static restart_policy always();
  static restart_policy unless_stopped();
  static restart_policy max_retries(std::uint32_t n);

  bool operator==(const restart_policy&) const = default;
};

/// At most `restarts` within `window`; the next one is refused.
struct intensity_limit {
  std::uint32_t restarts = 10;
  duration window = 60s;
  bool operator==(const intensity_limit&) const = default;
};

struct dependency {
  std::string name;
  milestone until = milestone::ready; ///< started, ready or completed
  bool operator==(const dependency&) const = default;
};

struct readiness_spec {
  readiness_type type = readiness_type::none;
  duration timeout = 30s;
  std::string address;              ///< tcp: HOST:PORT, [V6]:PORT or unix:PATH
  std::string url;                  ///< http
  std::vector<int> expect = {200};  ///< http
  std::vector<std::string> command; ///< exec, split
  std::string pattern;              ///< log, ECMAScript
  int fd = 3;                       ///< fd: the daemon writes a newline there
  bool operator==(const readiness_spec&) const = default;
};

/// sd_notify's WATCHDOG=1: silence for `interval` is a failure.
struct watchdog_spec {
  duration interval = 30s;
  bool operator==(const watchdog_spec&) const = default;
};

struct log_spec {
  std::string dir;                       ///< empty: <state_dir>/logs/<name>
  std::uint64_t max_bytes = 64ull << 20; ///< 0 = never rotate
  std::uint32_t max_files = 5;           ///< the current one included
  bool timestamps = true;
  bool merge_stderr = false;
  std::uint32_t crash_reports = 5; ///< so many are kept; 0 = none are written
  bool operator==(const log_spec&) const = default;
};

/// A socket that the keeper opens and holds for a daemon, across its lives. See core/listen_address.hpp.
struct socket_spec {
  std::string listen;
  std::string name; ///< in LISTEN_FDNAMES; empty: the daemon's
  bool operator==(const socket_spec&) const = default;
};
/// So many a daemon.
inline constexpr std::size_t max_sockets = 64;
inline constexpr std::size_t max_stored_fds = 256;

struct hook_command {
  std::vector<std::string> words;
  std::optional<duration> timeout; ///< none: that of all
  bool operator==(const hook_command&) const = default;
};
/// So many at one point of a daemon's life.
inline constexpr std::size_t max_hook_commands = 32;

/// Commands around a daemon's life, one after another; each is killed with its group when its time is over.
struct hook_spec {
  std::vector<hook_command> pre_start, post_start, pre_stop, post_stop, on_give_up, reload;
  duration timeout = 30s;
  bool operator==(const hook_spec&) const = default;
};

/// Restart when files change.
struct watch_spec {
  std::vector<std::string> paths; ///< absolute
  std::vector<std::string> ignore = {".git", "*.swp", "*~"};
  duration debounce = 200ms; ///< so long nothing must have changed
  bool recursive = true;
  bool operator==(const watch_spec&) const = default;
};

/// Runs to completion at times: `every` so often, or where that is zero as `calendar` says (core/calendar.hpp).
struct schedule_spec {
  duration every{};
  std::string calendar;
  duration jitter{};     ///< each run is up to this much later
  bool catch_up = false; ///< run once at start where a run was missed
  bool operator==(const schedule_spec&) const = default;
};

/// Which variables pass from the node's own environment.
struct inherit_env_spec {
  bool all = false;
  std::vector<std::string> names = {"PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR"};
  bool operator==(const inherit_env_spec&) const = default;
};

struct daemon_spec {
  std::string name;
  std::string supervisor = "root";
  std::string version;
  std::string description;
  std::string backend = "native";
  std::string binary_path;       ///< absolute, relative to the configuration's folder, or a bare name looked up in PATH
  std::vector<std::string> args; ///< without argv[0]
  std::map<std::string, std::string> env; ///< env_file's variables included, `env` wins
  inherit_env_spec inherit_env;
  std::string user; ///< name or number; empty: the node's
  std::string group;
  std::string working_dir; ///< empty: the configuration's folder
  bool autostart = true;
  std::vector<dependency> depends_on;
  int stop_signal = SIGTERM;
  duration shutdown_timeout = 30s;
  std::string pid_file;
  restart_policy restart;
  readiness_spec ready;
  std::optional<watchdog_spec> watchdog;
  std::uint64_t open_files_max = 0; ///< 0: the node's own limit
  bool no_new_privileges = false;
  log_spec logs;
  std::vector<socket_spec> sockets;  ///< its descriptors from 3 on
  std::uint32_t fd_store_max = 0;    ///< descriptors that it may leave to its next life; 0: none
  std::string instance_of;           ///< the name that several instances share; empty: the only one
  std::uint32_t max_unavailable = 0; ///< of the instances, while they are replaced; 0: a new one is ready first
  boxed<hook_spec> hooks;
  boxed<watch_spec> watch;
  boxed<schedule_spec> schedule;
  boxed<limits_spec> limits;
  boxed<sandbox_spec> sandbox;
  boxed<health_spec> health;
  boxed<breaker_limits> breaker;
  boxed<jidoka_spec> jidoka;

  bool operator==(const daemon_spec&) const = default;
};

struct supervisor_spec {
  std::string name;
  std::string parent = "root";
  duende::strategy strategy = duende::strategy::one_for_one;
  intensity_limit intensity = {5, 30s};
  bool operator==(const supervisor_spec&) const = default;
};

/// Whom the TCP listener shows itself as. Files in PEM, absolute paths; all empty: no TLS.
struct tls_spec {
  std::string certificate; ///< the node's own first, then those above it
  std::string key;
  std::string client_ca; ///< empty: clients need no certificate
  bool operator==(const tls_spec&) const = default;
};

enum class access_level : std::uint8_t { read, full };

/// Who may use the TCP listener. The token itself is nowhere.
struct token_spec {
  std::string name;
  std::string hash; ///< "sha256:" and 64 hexadecimal digits in lower case
  access_level access = access_level::full;
  bool operator==(const token_spec&) const = default;
};
inline constexpr std::size_t max_tokens = 100;

struct node_spec {
  std::string name = "default";
  std::string state_dir; ///< empty: the user's default, see core/paths.hpp
  std::string metrics;   ///< HOST:PORT, or empty for none
  std::string api;       ///< HOST:PORT of a listener beside the unix socket, or empty
  tls_spec tls;
  std::vector<token_spec> tokens;
  duration sample_interval{};                        ///< of what every process uses; 0: only of those somebody asks for
  duration sample_history = std::chrono::minutes{5}; ///< so much of it is held
  bool operator==(const node_spec&) const = default;
};

/// A whole file with its includes, checked. `daemons` and `supervisors` keep the order of the file.
struct stack {
  node_spec node;
  std::vector<supervisor_spec> supervisors; ///< parents before children; the implicit root is not in it
  spec_list daemons;
};

} // namespace duende
