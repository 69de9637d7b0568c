// What the state functions of a process incarnation share. Private to incarnation*.cpp.
#pragma once

#include "actors/incarnation.hpp"
#include "actors/readiness.hpp"

namespace duende {

/// The hooks of one life: what runs now, and what they are told.
struct hook_state {
  enum class point : std::uint8_t { none, pre_start, post_start, pre_stop, post_stop, on_give_up, reload };
  point at = point::none;       ///< none: nothing runs
  std::size_t next = 0;         ///< of the commands there
  uuid id;                      ///< of the process
  std::uint32_t generation = 0; ///< an alarm of another one is stale
  bool canceled = false, overran = false;
  std::string failure; ///< the first one's words
  std::string cause;
  std::uint64_t restarts = 0;
  bool stopped = false;        ///< pre_stop has had its turn
  bool signaled = false;       ///< the stop signal was sent
  std::optional<life_end> end; ///< the daemon has ended, so
};

/// What watches over one life, and by which rules.
struct guard_state {
  daemon_spec_ptr spec; ///< whose policies are in force: apply may change them
  std::shared_ptr<check_recorder> checks;
  std::shared_ptr<const violations> broken; ///< it is stopped for these
  caf::actor gates, health, line;
  bool silent = false; ///< the watchdog's silence is reported
};

struct incarnation_state {
  static constexpr const char* name = "duende.incarnation";

  services_ptr with;
  daemon_spec_ptr spec;
  life_watcher supervisor;
  uuid id;
  std::uint32_t number = 0;
  std::int32_t pid = 0;
  std::uint32_t alarm_generation = 1; ///< an alarm of another generation is stale
  bool asked = false;                 ///< the supervisor ordered the end
  bool ready = false;
  bool early_ready = false;    ///< readiness was seen before `launched` came
  bool paused = false;         ///< the process is stopped by a signal
  bool to_freeze = false;      ///< by our pause, which holds what is in its groups, too
  bool stopping = false;       ///< on its way out: nothing brings it back
  bool overran = false;        ///< shutdown_timeout passed, SIGKILL was sent
  bool awaits_account = false; ///< who it runs as is being looked up, nothing has begun
  bool at_once = false;        ///< a stop_order came before the process did: how to stop it
  std::optional<exit_reason> because;
  std::unique_ptr<readiness> waiting;  ///< while starting with a readiness condition
  std::unique_ptr<hook_state> hooks;   ///< where the daemon has hooks
  std::unique_ptr<guard_state> guards; ///< where something watches over it
  std::string record;
  instant started_at{}, last_ping{};
  std::uint64_t restarts = 0; ///< before this life
  trace_ptr trace;
};

using incarnation_ptr = incarnation_actor::stateful_pointer<incarnation_state>;
using incarnation_behavior = incarnation_actor::behavior_type;

inline caf::actor as_actor(incarnation_ptr self) {
  return caf::actor_cast<caf::actor>(caf::actor_cast<caf::strong_actor_ptr>(self));
}

inline launch_listener as_listener(incarnation_ptr self) {
  return caf::actor_cast<launch_listener>(caf::actor_cast<caf::strong_actor_ptr>(self));
}

// One behaviour for each state.
incarnation_behavior preparing(incarnation_ptr self); ///< pre_start
incarnation_behavior finishing(incarnation_ptr self); ///< the process has ended: post_stop
incarnation_behavior starting(incarnation_ptr self);
incarnation_behavior running(incarnation_ptr self);
incarnation_behavior paused(incarnation_ptr self);
incarnation_behavior stopping(incarnation_ptr self);

// Transitions and what they do.
void became_launched(incarnation_ptr self, const launched& process);
/// It runs already; MAINPID= has named another process.
void main_process(incarnation_ptr self, const launched& process);
void became_ready(incarnation_ptr self, life_note::kind told = life_note::kind::ready);
void began_stopping(incarnation_ptr self, const stop_order& order);
void end_process(incarnation_ptr self, bool at_once);
void end_life(incarnation_ptr self, const process_exit& exit);
void end_unlaunched(incarnation_ptr self, exit_reason reason);
void tell(incarnation_ptr self, life_note::kind what, std::string text = {});
void set_alarm(incarnation_ptr self, alarm which, duration delay);
void heard(incarnation_ptr self, const notify_note& note);
void watchdog_due(incarnation_ptr self);
void launch(incarnation_ptr self);
void signal_daemon(incarnation_ptr self, int number, signal_scope scope);
/// Its control groups are there, where it has limits; false where they can't be had, and its life ends with the reason.
bool enter_groups(incarnation_ptr self, launch_request& request);
/// All that is in its groups, also what has left its process group, is held, or goes on.
void freeze_groups(incarnation_ptr self, bool frozen);
/// The end, after what hooks are due.
void leave(incarnation_ptr self, life_end end);

// Guards: incarnation_guards.cpp.
/// Runs what must agree before the start; false where there is nothing of the kind.
bool begin_gates(incarnation_ptr self);
/// A stop came while they run: true where that was all.
bool leave_gates(incarnation_ptr self);
/// It is ready, or was when it was adopted: from now on it is checked.
void begin_guards(incarnation_ptr self);
void pause_guards(incarnation_ptr self, bool pause);
void end_guards(incarnation_ptr self);
/// Those policies are in force from now on.
void change_guards(incarnation_ptr self, const policy_change& change);
/// The watchdog was silent, or the daemon said that it is unwell: what its configuration wants of that.
void became_unwell(incarnation_ptr self, std::string why);
/// It said that it is alive.
void became_well(incarnation_ptr self);
void tell_health(incarnation_ptr self, health_state now);
inline bool has_guards(const daemon_spec& spec) { return spec.health || spec.jidoka; }

// Hooks: incarnation_hooks.cpp.
/// Starts the commands of that point; false where there are none.
bool begin_hooks(incarnation_ptr self, hook_state::point at);
/// Likewise of pre_stop, which only a stop that was ordered has, once.
bool begin_pre_stop(incarnation_ptr self);
void reload(incarnation_ptr self);
/// Ends what runs.
void cancel_hooks(incarnation_ptr self, int signal);
/// Each is true where the notice was about a hook, not the daemon.
bool hook_launched(incarnation_ptr self, const launched& process);
bool hook_failed(incarnation_ptr self, const launch_failure& failure);
bool hook_ended(incarnation_ptr self, const process_exit& exit);
bool hook_overran(incarnation_ptr self, alarm which, std::uint32_t generation);
bool hooks_run(incarnation_ptr self);

} // namespace duende
