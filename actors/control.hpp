// What a node offers to its API, its commands and an embedding program: blocking calls from any thread.
#pragma once

#include "core/errc.hpp"
#include "core/event.hpp"
#include "core/spec.hpp"
#include "core/status.hpp"
#include "policies/plan.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace duende {

enum class verb : std::uint8_t { start, stop, restart, pause, resume, reload };

std::string_view to_string(verb what);
std::optional<verb> parse_verb(std::string_view word);

struct node_info {
  std::string name;
  std::string version;
  wall_time started_at{};       ///< of this node process
  std::uint32_t generation = 1; ///< 1, plus one for each time the keeper had to start the node again
  std::int32_t pid = 0;
  std::int32_t keeper_pid = 0;
  std::string state_dir;
  std::string metrics; ///< address in use, empty for none
  bool stopping = false;
};

struct history_query;
struct sample_history;
struct trace_options;
class trace_run;

/// Where the captured output of a daemon lies.
struct log_location {
  std::string dir;
  bool timestamps = true;
  bool merged = false;
};

/// All members may be called from any thread, block no longer than their timeout (10 s where there is none) and throw nothing.
class control {
public:
  virtual ~control() = default;

  virtual node_info info() = 0;
  virtual caf::expected<std::vector<daemon_status>> daemons() = 0;
  /// Errors: not_found "no daemon named 'x'", with "did you mean" where one is close.
  virtual caf::expected<daemon_status> daemon(const std::string& name) = 0;
  /// Root first, parents before children.
  virtual caf::expected<std::vector<supervisor_status>> supervisors() = 0;

  /// With `wait` returns once the outcome is known: running (ready), stopped, paused, ... or failed.
  /// Errors: not_found, wrong_state "cannot resume 'db': it is stopped", timed_out (the action goes on), spawn_failed.
  virtual caf::expected<daemon_status> act(verb what, const std::string& name, duration timeout, bool wait) = 0;
  virtual caf::expected<void> signal(const std::string& name, int number) = 0;
  /// Adds to the running stack and starts it where autostart says so. Errors: already_exists, invalid_config.
  virtual caf::expected<daemon_status> add(daemon_spec spec) = 0;
  /// Changes what it may use while it runs: `resources` is a JSON object with keys of [daemon.resources], others stay as they
  /// are. Errors: not_found, invalid_config, io_failure where the kernel refuses.
  virtual caf::expected<daemon_status> limit(const std::string& name, const std::string& resources) = 0;
  /// Stops and forgets; its logs stay. Errors: not_found, wrong_state where others depend on it, timed_out.
  virtual caf::expected<void> remove(const std::string& name, duration timeout) = 0;
  /// Converges to `wanted`; daemons that did not change are not touched. With `dry_run` only the plan.
  virtual caf::expected<apply_plan> apply(stack wanted, bool dry_run) = 0;

  virtual caf::expected<std::vector<event>> events(const event_query& query) = 0;
  /// Calls `on_events` (from a thread of the history's, never concurrently) for each batch after `after_id`, stored ones first.
  /// Returns a token; letting it go ends the subscription. `on_events` returns false to end it too.
  virtual std::shared_ptr<void>
  follow_events(std::int64_t after_id, std::function<bool(const std::vector<event>&)> on_events) = 0;
  virtual caf::expected<log_location> logs(const std::string& name) = 0;
  /// What was asked for. Errors: not_found.
  virtual caf::expected<std::shared_ptr<const daemon_spec>> spec(const std::string& name) {
    return fail(errc::unsupported, "nobody knows what '{}' was asked to be", name);
  }
  /// What a process used, at its samples; asking has them go on for a while. Errors: not_found, wrong_state for a daemon that is no
  /// process, unsupported, timed_out.
  virtual caf::expected<sample_history> samples(const std::string& name, const history_query& query);
  /// Begins to trace the system calls of a process and its children. Errors: not_found, wrong_state for a daemon that is no process,
  /// does not run or is traced already, limit_reached, unsupported.
  virtual caf::expected<std::unique_ptr<trace_run>> trace(const std::string& name, const trace_options& how);
  /// The folder below which each daemon has a folder of crash reports; empty where none are written.
  virtual std::string crash_dir() { return {}; }
  /// Every autostart daemon is running (or has completed its task).
  virtual bool all_ready() = 0;
  /// Prometheus text.
  virtual std::string metrics() = 0;
  /// Begins an orderly stop of everything and of the node; returns at once.
  virtual void shutdown() = 0;
  /// Restarts all instances of that name one after another; which were. Errors: spawn_failed where one did not get ready.
  virtual caf::expected<std::vector<std::string>> roll(const std::string& name, duration timeout) = 0;
  /// Makes it so many instances, by the plan that is returned.
  virtual caf::expected<apply_plan> scale(const std::string& name, std::uint32_t instances) = 0;
  /// Gives way to the program on disk; returns once the keeper is ready for it, the exit follows. Errors: unsupported where
  /// the node is part of a program, io_failure where the program on disk can't be started.
  virtual caf::expected<void> upgrade() = 0;
};

} // namespace duende
