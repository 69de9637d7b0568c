// duende inside your own program: a supervision tree with the same states, events, metrics and commands as a node of its own.
#pragma once

#include "actors/daemon.hpp"
#include "core/errc.hpp"
#include "core/otlp_spec.hpp"
#include "core/spec.hpp"
#include "core/status.hpp"

#include <caf/behavior.hpp>
#include <caf/event_based_actor.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace duende {

class control;

struct runtime_options {
  std::string name = "default"; ///< of the node: `duende --node NAME ps` talks to this program
  std::string state_dir;        ///< empty: events are kept in memory (the last 10,000) and nothing is stored
  std::string metrics;          ///< HOST:PORT for /metrics, or empty for none
  std::string socket;           ///< of the API; empty: the default of that name; "none": no API
  std::size_t threads = 0;      ///< of CAF's scheduler; 0: one per core
  otlp_spec otlp = {};          ///< where metrics and spans go over OTLP; nowhere unless it has an endpoint
};

/// How an in-process daemon is supervised.
struct spawn_options {
  restart_policy restart = {};
  duration shutdown_timeout = 30s;             ///< how long run() may take to return once asked
  std::map<std::string, std::string> env = {}; ///< handed to init()
  std::vector<dependency> depends_on = {};
  std::string version = {}, description = {};
  bool autostart = true;
  /// Type custom: its health_check() is asked every `interval`, from another thread, and what `on_unhealthy` says follows. Other
  /// types ask the program over TCP, HTTP or gRPC. None: health_check() is only shown, as context.wait_for() asks it.
  std::optional<health_spec> health = {};
  std::optional<breaker_limits> breaker = {}; ///< guards its restarts
  bool stop_on_first = false;                 ///< its first abnormal end stops the line: it waits for a person
};

struct supervisor_options {
  duende::strategy strategy = duende::strategy::one_for_one;
  intensity_limit intensity = {5, 30s};
  std::string parent = "root";
};

/// Makes the behaviour of an in-process actor, once for each incarnation. Called on CAF's threads; must not block.
using behavior_factory = std::function<caf::behavior(caf::event_based_actor*)>;

class runtime;
struct actor_inbox;

/// A supervisor of a runtime. A light handle; valid while the runtime lives. Thread-safe.
class supervisor_ref {
public:
  /// An in-process daemon of type T on a thread of its own. Returns once it is known to its supervisor, not once it runs.
  /// Errors: already_exists, not_found (supervisor), wrong_state.
  template <class T>
  caf::expected<daemon_status> spawn(const std::string& name, spawn_options options = {}) {
    return spawn_thread(name, std::move(options), [] { return std::unique_ptr<daemon>{new T}; });
  }
  /// A process. Relative paths are relative to the program's working folder.
  caf::expected<daemon_status> spawn(daemon_spec process);
  /// A CAF behaviour as a supervised daemon; 100,000s of them are fine. Does not wait for its start: a name that is taken shows
  /// as an event of kind `config`. Restarted whenever it ends for another reason than a stop. Errors: invalid_config,
  /// limit_reached where 100,000 wait for their start for 10 s.
  caf::expected<void> spawn_actor(std::string name, behavior_factory make);
  /// As spawn<T>, with a factory that is called on the daemon's thread for each incarnation.
  caf::expected<daemon_status>
  spawn_thread(const std::string& name, spawn_options options, std::function<std::unique_ptr<daemon>()> make);

  const std::string& name() const { return name_; }

private:
  friend class runtime;
  supervisor_ref(runtime& of, std::string name);

  runtime* runtime_;
  std::string name_;
  std::shared_ptr<actor_inbox> inbox_;
};

/// The supervision tree of a program. Make it in main() before other threads: it blocks SIGINT, SIGTERM and SIGPIPE for
/// the thread that makes it and all that thread starts. Members are thread-safe but for construction and destruction.
class runtime {
public:
  explicit runtime(runtime_options options = {});
  /// Stops everything in order, bounded by the daemons' shutdown time-outs.
  ~runtime();
  runtime(const runtime&) = delete;
  runtime& operator=(const runtime&) = delete;

  /// Empty where the runtime began; else why not, and then every spawn answers with it.
  const caf::error& error() const;

  template <class T>
  caf::expected<daemon_status> spawn(const std::string& name, spawn_options options = {}) {
    return root().spawn<T>(name, std::move(options));
  }
  caf::expected<daemon_status> spawn(daemon_spec process) { return root().spawn(std::move(process)); }
  caf::expected<void> spawn_actor(std::string name, behavior_factory make) {
    return root().spawn_actor(std::move(name), std::move(make));
  }
  /// A new supervisor. One that can't be made (its name is taken) shows by the errors of what is spawned below it.
  supervisor_ref supervisor(const std::string& name, supervisor_options options = {});
  supervisor_ref root();

  /// What the API and the commands see: status, events, start and stop. Null where error() is not empty.
  control* controls();

  /// Waits for SIGINT or SIGTERM (or `duende down`), stops everything in order. Returns the exit code for main(): 0, or 1
  /// with the reason on stderr.
  int run_until_signal();

private:
  friend class supervisor_ref;
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace duende
