// What every actor of a node shares: handles to the node's organs. Made once at start, constant afterwards.
#pragma once

#include "backends/backend_actor.hpp"
#include "core/trace_context.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace duende {

class accounts;
class cgroups;
class reactor;
class history;
class log_capture;
class channels;
class crash_store;
class file_watch;
class exporter;
class process_observer;
class wall_timers;
struct event;
struct otlp_spec;

struct services {
  std::string node; ///< its name
  std::string state_dir, run_dir;
  std::vector<std::string> environment; ///< the node's own, "KEY=VALUE"
  reactor* io = nullptr;
  history* store = nullptr;
  log_capture* logs = nullptr;          ///< null where this node runs no processes
  channels* side = nullptr;             ///< likewise
  crash_store* crashes = nullptr;       ///< null where nothing is stored
  wall_timers* clock = nullptr;         ///< for schedules; null: they never fall due
  file_watch* files = nullptr;          ///< null: nothing is watched
  process_observer* observer = nullptr; ///< null: nothing is sampled
  exporter* exports = nullptr;          ///< null: nothing goes to a collector
  trace_ptr begun;                      ///< the start of the node, of which the first starts are part
  const otlp_spec* otlp = nullptr;      ///< to be stored with the stack
  accounts* users = nullptr;            ///< null: users are looked up where they are needed
  cgroups* groups = nullptr;            ///< null: no daemon may have limits
  backend_actor native;                 ///< invalid where this node has no keeper
  /// Empty: the reactor's timers. Tests put virtual time here.
  std::function<void(duration, std::function<void()>)> timers;

  /// Calls `fn` once after `delay`, on a thread that must not be held up. Thread-safe.
  void after(duration delay, std::function<void()> fn) const;
  /// Adds the node's name and the time, and records it. Never blocks.
  void record(event what) const;
};
using services_ptr = std::shared_ptr<const services>;

/// Where the files of a daemon's captured output go.
std::string log_dir_of(const services& with, const std::string& name, const std::string& configured);
/// Where its sd_notify socket is bound.
std::string notify_path_of(const services& with, const uuid& id);

} // namespace duende
