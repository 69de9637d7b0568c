// The supervisor: keeps child records, monitors incarnations, restarts them as policies say, escalates.
#pragma once

#include "actors/supervisor_messages.hpp"

#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace duende {

using supervisor_actor = caf::typed_actor<
  // from the node: the outcome is answered when it is known, or the error at once
  caf::replies_to<command>::with<daemon_status>, caf::replies_to<signal_atom, std::string, int>::with<daemon_status>,
  caf::replies_to<add_atom, child_order_ptr>::with<daemon_status>,
  caf::replies_to<remove_atom, std::string>::with<daemon_status>,
  caf::replies_to<change_atom, std::string, change_order_ptr>::with<daemon_status>,
  caf::replies_to<snapshot_atom>::with<tree_snapshot>, caf::replies_to<find_atom, std::string>::with<daemon_status>,
  caf::reacts_to<change_atom, supervisor_spec>, caf::reacts_to<actor_inbox_ptr>,
  // dependencies elsewhere in the tree
  caf::reacts_to<milestone_note>, caf::reacts_to<dependants_ptr>,
  // stop all in reverse order and end; with everything_atom the whole node does
  caf::reacts_to<shutdown_atom>, caf::reacts_to<shutdown_atom, everything_atom>,
  // from incarnations, from itself
  caf::reacts_to<life_note>, caf::reacts_to<start_atom, std::uint64_t>, caf::reacts_to<due_note>,
  caf::reacts_to<files_note>>;

/// What supervisors tell the node.
struct supervisor_hello {
  std::string name;
  supervisor_actor handle;
};

/// The node, as supervisors know it.
using board_actor = caf::typed_actor<caf::reacts_to<supervisor_hello>, caf::reacts_to<milestone_note>>;

class supervisor : public supervisor_actor::base {
public:
  using super = supervisor_actor::base;

  /// `node` gets supervisor_hello and milestone_notes, `parent` life_notes (invalid for the root).
  supervisor(
    caf::actor_config& cfg, services_ptr with, std::shared_ptr<supervisor_seed> seed, board_actor node,
    life_watcher parent);

  behavior_type make_behavior() override;
  void on_exit() override;
  const char* name() const override { return "duende.supervisor"; }

private:
  using reply = caf::result<daemon_status>;

  behavior_type behavior();

  // supervisor_commands.cpp: what the node asks
  reply on_command(const command& what);
  reply start_child(child& c, bool wait);
  reply stop_child(child& c, bool wait, bool at_once);
  reply restart_child(child& c, bool wait);
  reply pause_child(child& c);
  reply resume_child(child& c);
  reply reload_child(child& c);
  reply signal_child(const std::string& name, int number);
  reply add_child(const child_order_ptr& order);
  reply remove_child(const std::string& name);
  reply change_child(const std::string& name, const change_order_ptr& order);
  reply find_child(const std::string& name);
  void add_actors(std::vector<actor_order> orders);
  tree_snapshot snapshot();
  reply wait_for(child& c, bool until_running, std::uint32_t incarnation, bool wait);
  reply refuse(verb what, const child& c) const;
  void answer_change(child& c);

  // supervisor_children.cpp: starting and the notes on the way
  void start_all();
  void start_eligible();
  bool may_start(child& c);
  milestone reached_by(const std::string& name);
  void begin_life(child& c);
  void begin_process(child& c, const held_child* held);
  void begin_actor(child& c);
  void begin_supervisor(child& c);
  void track(child& c, const caf::actor& life);
  void announce_if_ready();
  void on_life_note(const life_note& note);
  void became_launched(child& c, std::int32_t pid);
  void became_running(child& c);
  void set_milestone(child& c, milestone reached);
  void on_milestone(const milestone_note& note);
  void settle_waiters(child& c);
  void fail_waiters(child& c, const caf::error& why);

  // supervisor_hooks.cpp: what the hooks of children need to know, and what follows them
  void tell_hooks(const child& c, incarnation_order& order) const;
  void post_started(child& c);
  reply reload_by_hook(child& c);
  void reloaded(child& c, const std::string& failure);
  void run_give_up_hooks(child& c, const std::string& why);
  bool finish_with_hooks(child& c, life_end& end);

  // supervisor_guards.cpp: health, and lines that are stopped
  static child_guard& guard_of(child& c);
  static std::shared_ptr<check_recorder> recorder_of(child& c);
  static health_state first_health(const child& c);
  void acknowledge(child& c);
  void health_changed(child& c, const life_note& note);

  // Traces: supervisor_trace.cpp
  bool exports_spans() const;
  void caused_by(child& c, const trace_ptr& operation);
  trace_ptr trace_of(const child& c) const;
  void trace_start(child& c);
  void trace_started(child& c, std::optional<std::string> failure);
  void trace_restart(child& c);
  void trace_restarted(child& c, std::optional<std::string> failure);
  void trace_stop(child& c);
  void trace_end(child& c, const life_end& end);
  void trace_health(child& c);

  void stop_line(child& c, const violations& broken);
  bool stops_line_at_first(child& c, const life_end& end);

  // supervisor_breaker.cpp: asked before each start, told of each outcome
  breaker* breaker_of(child& c);
  void breaker_moved(child& c, instant now);
  duration breaker_wait(child& c);
  bool breaker_admits(child& c);
  void tell_breaker(child& c, const life_end& end);
  void begin_trial(child& c);
  bool trial_lasted(child& c, std::uint64_t timer);
  void drop_trial(child& c);
  void reset_breaker(child& c);
  void restore_breaker(child& c, const life_record& record, bool running);

  // supervisor_times.cpp: schedules and watched files
  void set_schedule(child& c);
  void drop_schedule(child& c);
  void on_due(const due_note& note);
  void run_now(child& c, const std::string& why);
  bool rest_until_next(child& c, const life_end& end, const restart_decision& decision);
  void make_up_for(child& c);
  caf::error watch_files(child& c);
  void on_files(const files_note& note);

  // supervisor_resume.cpp: from what was to what is: seeds, processes that lived on, a predecessor that failed
  void adopt_all(std::vector<child_seed>& seeds);
  child& adopt_seed(child_seed& seed);
  child& enlist(std::unique_ptr<child> owned);
  void readopt(child& c, const held_child& held, daemon_state stored);
  void resume_backoff(child& c, const held_child& held);
  void take_over(std::vector<std::unique_ptr<child>>& left, exit_reason failure);
  child_seed seed_of(const child& c) const;
  std::shared_ptr<supervisor_seed> seed_of_all() const;
  caf::error failed(const std::exception_ptr& what);

  // supervisor_ends.cpp: ends, restarts, strategies, escalation
  void on_down(const caf::down_msg& down);
  void child_ended(child& c, life_end end);
  void decide(child& c, const life_end& end);
  void restart_later(child& c, duration delay);
  void restart_group(child& c, duration delay);
  void regroup_due();
  void on_timer(std::uint64_t timer);
  bool admit_restart(child& c, instant now);
  void give_up(child& c, const std::string& why);
  void settle(child& c, daemon_state state);
  void on_spec(const supervisor_spec& spec);

  // supervisor_stops.cpp: stops, one by one, in groups or of all
  child* last_to_stop();
  void want_stop(child& c, bool at_once);
  void order_stop(child& c, bool at_once);
  bool may_stop(const child& c);
  void pump_stops();
  void stop_everything();
  void begin_shutdown(std::optional<exit_reason> with_reason);
  void end_if_all_down();

  // supervisor_limits.cpp
  caf::error limit_running(const child& c, const daemon_spec& wanted);
  void forget_limits(const child& c) const;
  void watch_limits(child& c, bool fresh);
  void alert(child& c, const life_note& note);
  void explain_kill(child& c, exit_reason& reason);

  // supervisor_parked.cpp: what is below a supervisor that is down
  void append_parked(tree_snapshot& result, const child& parked, instant now) const;
  std::shared_ptr<supervisor_seed> parked(const std::string& supervisor) const;
  using parked_act = std::function<daemon_status(supervisor_seed& home, child_seed& seed, const child& below)>;
  reply with_parked(const std::string& name, const parked_act& act);
  reply add_parked(const child_order_ptr& order);
  reply remove_parked(const std::string& name);
  reply change_parked(const std::string& name, const change_order_ptr& order);

  // supervisor_record.cpp: writing down and telling
  life_record record_of(const child& c) const;
  void write_intent(child& c, intent wanted);
  void persist(child& c);
  void count_end(child& c, const life_end& end);
  void forget_child(child& c);
  void write_pid_file(const child& c);
  void remove_pid_file(const child& c);
  void record_event(const child& c, event_kind kind, std::string text, std::optional<exit_cause> cause = {});
  void record_own_event(event_kind kind, std::string text);

  // supervisor_crashes.cpp: reports of abnormal ends
  struct last_life {
    std::uint32_t incarnation, restarts;
    std::int32_t pid;
    std::optional<wall_time> started_at;
  };
  void report_crash(const child& c, const life_end& end, const last_life& life);
  /// Tells the /proc observer as which process it lives.
  void observe(const child& c);

  child* find(const std::string& name);
  bool is_watched(const child& c) const;
  std::uint64_t set_timer(child& c, duration delay);
  void wake_after(duration delay, std::uint64_t timer);
  void drop_timer(child& c);
  bool is_root() const { return !parent_; }

  static constexpr std::uint64_t go_on_starting = 0; ///< no timer's number

  services_ptr with_;
  board_actor node_;
  life_watcher parent_; ///< invalid for the root
  supervisor_spec spec_;
  std::vector<std::unique_ptr<child>> children_; ///< in start order
  std::unordered_map<caf::actor_id, child*> alive_;
  std::unordered_map<std::string_view, child*> by_name_;
  std::unordered_map<std::uint64_t, child*> timers_;
  std::unordered_map<std::string, milestone> board_; ///< daemons elsewhere
  dependants_ptr dependants_;
  std::vector<child*> held_stops_; ///< under one_for_one; else stop_scan_ finds the next one
  restart_window window_;
  std::uint64_t restarts_ = 0, escalations_ = 0, next_timer_ = 1;
  std::uint64_t regroup_timer_ = 0;
  std::shared_ptr<supervisor_seed> seed_;
  bool shutting_down_ = false;
  bool node_stops_ = false;                     ///< all supervisors shut down, not only this one
  bool starting_ = false, start_again_ = false; ///< start_eligible() is at work; it was called meanwhile
  bool ended_ = false;
  bool announced_ = false;        ///< the parent knows that all here is ready
  std::size_t announce_scan_ = 0; ///< children before it are ready
  std::size_t start_scan_ = 0;    ///< children before it wait for nothing
  std::size_t stop_scan_ = 0;     ///< under an order: of the group that stops nothing from there on lives
  bool regrouping_ = false;       ///< a group is on its way down, to start again
  std::optional<exit_reason> end_reason_;
  std::string gave_up_; ///< why, where the end that is looked at now led to it
};

} // namespace duende

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::supervisor_hello)
