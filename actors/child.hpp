// The child record: what a supervisor keeps of a daemon across its incarnations.
#pragma once

#include "actors/child_guard.hpp"
#include "actors/child_trace.hpp"
#include "actors/incarnation.hpp"
#include "actors/life_record.hpp"
#include "core/status.hpp"
#include "policies/intensity.hpp"
#include "policies/restart.hpp"
#include "policies/schedule.hpp"

#include <caf/actor.hpp>
#include <caf/behavior.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace duende {

class daemon;
class daemon_metrics_recorder;

using actor_factory = std::function<caf::behavior(caf::event_based_actor*)>;
using daemon_factory = std::function<std::unique_ptr<daemon>()>;

enum class child_kind : std::uint8_t { process, thread, actor, supervisor };

struct supervisor_seed;

/// How a child begins: what is asked for, and what was known of it before this supervisor (or this node) lived.
struct child_seed {
  child_kind kind = child_kind::process;
  daemon_spec_ptr spec; ///< for actors shared by all of a kind; their name is `name`
  std::string name;
  uuid id;
  daemon_factory make_daemon;                  ///< kind thread
  actor_factory make_actor;                    ///< kind actor
  std::shared_ptr<supervisor_seed> supervisor; ///< kind supervisor
  desired_state desired = desired_state::up;
  daemon_state state = daemon_state::created; ///< as last written down
  bool completed = false;                     ///< those who waited for that wait no more
  std::uint32_t incarnation = 0, streak = 0;
  std::uint64_t restarts = 0;
  std::optional<last_exit> last;
  std::shared_ptr<daemon_counters> counters;
  std::optional<held_child> held;      ///< what the keeper holds of it
  std::string memory;                  ///< of its schedule, as text
  std::optional<std::string> given_up; ///< the dead node was at its on_give_up hooks, for that cause
};

/// For each daemon that others depend on: their names. Shared by all supervisors of a node; replaced as a whole.
using dependants_map = std::unordered_map<std::string, std::vector<std::string>>;
using dependants_ptr = std::shared_ptr<const dependants_map>;

/// Somebody waits for the outcome of a command.
struct waiter {
  bool until_running = true;     ///< else until it is down
  std::uint32_t incarnation = 0; ///< the first one that counts, for until_running
  caf::typed_response_promise<daemon_status> promise;
};

/// Of a child that runs at times.
struct child_schedule {
  schedule_memory memory;
  std::optional<schedule_rule> rule;
  daemon_spec_ptr of;           ///< what `rule` was made from
  std::uint64_t timer = 0;      ///< of the clock; 0: none
  std::uint64_t generation = 0; ///< what an earlier timer says is stale
};

/// What only a few children need: made when it is first wanted, so that 100,000 actors stay small.
struct child_detail {
  uuid id;
  std::optional<last_exit> last;
  std::shared_ptr<daemon_counters> counters;
  std::vector<waiter> waiters;
  std::vector<caf::typed_response_promise<daemon_status>> change_waiters;                  ///< pause and resume
  std::unique_ptr<std::vector<caf::typed_response_promise<daemon_status>>> reload_waiters; ///< of a reload hook
  std::string status_text;
  restart_window window; ///< for children of the root
  daemon_factory make_daemon;
  std::shared_ptr<daemon_metrics_recorder> recorder;
  std::shared_ptr<supervisor_seed> supervisor; ///< what its next incarnation begins with
  std::string record;                          ///< as the keeper holds it
  instant backoff_until{}, start_asked{}, stop_asked{}, exit_seen{};
  std::optional<wall_time> started_wall;
  std::optional<desired_state> stored_desired;
  daemon_spec_ptr logged_as; ///< what the log capture knows of it
  std::unique_ptr<child_schedule> schedule;
  std::shared_ptr<void> watching; ///< its files, as `watched_as` has them
  daemon_spec_ptr watched_as;
  std::unique_ptr<child_guard> guard;
  std::unique_ptr<child_trace> trace;
};

struct child {
  std::string name;
  daemon_spec_ptr spec;
  caf::strong_actor_ptr life; ///< the incarnation; null while there is none
  actor_factory make_actor;
  std::unique_ptr<child_detail> more;
  std::uint64_t timer = 0; ///< of the back-off; 0: none
  instant started_at{};
  std::uint32_t incarnation = 0, streak = 0, restarts = 0;
  std::int32_t pid = 0;
  child_kind kind = child_kind::process;
  daemon_state state = daemon_state::created;
  desired_state desired = desired_state::down;
  milestone reached = milestone::down;
  health_state health = health_state::healthy; ///< what it last said of itself
  std::uint32_t index = 0;                     ///< its place in the start order
  bool ready = false;
  bool watched = false;     ///< another daemon waits for it, or it for another
  bool stop_wanted = false; ///< to be stopped as soon as those who need it are down
  bool stop_at_once = false;
  bool restart_wanted = false; ///< starts again when this incarnation has ended, whatever the policy says
  bool regrouping = false;     ///< stopped by a strategy; starts with its group
  bool removing = false;
  bool pending_start = false; ///< starts as soon as its dependencies and its predecessors let it

  bool alive() const { return life != nullptr; }
  bool scheduled() const { return kind == child_kind::process && spec && spec->schedule; }
  /// Wanted, and down until the clock says otherwise.
  bool between_runs() const { return scheduled() && !alive() && !pending_start && state != daemon_state::backoff; }
  child_detail& detail();
};

/// How a supervisor begins, and what it leaves when it ends.
struct supervisor_seed {
  supervisor_spec spec;
  std::vector<child_seed> children; ///< in start order
  std::vector<instant> recent;      ///< restarts that count already
  std::uint64_t restarts = 0, escalations = 0;
  dependants_ptr dependants;
  bool stopping = false; ///< begins with its own end
  /// Its predecessor failed so, with these children: all that lives is stopped, then the successor ends with the same failure.
  std::optional<exit_reason> failure;
  std::vector<std::unique_ptr<child>> left;
};

daemon_status status_of(const child& c, const std::string& supervisor, instant now);
/// "native", "thread", "actor"
const char* backend_name(child_kind kind);

} // namespace duende
