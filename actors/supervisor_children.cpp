// Starting children, and what incarnations tell on their way.
#include "actors/supervisor.hpp"

#include "actors/daemon.hpp"
#include "actors/incarnation_state.hpp"
#include "actors/thread_incarnation.hpp"

#include "core/crash_point.hpp"
#include "monitors/logs/capture.hpp"
#include "policies/dependency.hpp"
#include "policies/strategy.hpp"

#include <caf/scheduler/abstract_coordinator.hpp>

#include <algorithm>

namespace duende {

void supervisor::start_all() {
  start_eligible();
  announce_if_ready();
}

/// Starts whatever waits for its start and may. One after another where the strategy says so. Processes go out in portions: the
/// keeper starts the first ones while the last ones are prepared.
void supervisor::start_eligible() {
  if (shutting_down_)
    return;
  start_again_ = true;
  if (std::exchange(starting_, true))
    return; // an actor is ready within its start: the loop below goes on, the stack stays flat
  constexpr int portion = 32;
  int begun = 0;
  bool in_order = starts_in_order(spec_.strategy);
  while (std::exchange(start_again_, false)) {
    for (std::size_t i = start_scan_; i < children_.size(); ++i) {
      auto& c = *children_[i];
      if (c.pending_start && !c.alive() && !c.regrouping && may_start(c)) {
        if (c.kind == child_kind::process && begun++ == portion) {
          send(supervisor_actor{this}, start_atom::value, go_on_starting);
          starting_ = start_again_ = false;
          return;
        }
        begin_life(c);
      }
      bool settled = c.ready || c.reached == milestone::completed || c.between_runs();
      if (in_order && !settled && (c.desired == desired_state::up || c.state == daemon_state::failed))
        break;
      if (i == start_scan_ && !c.pending_start)
        ++start_scan_;
    }
  }
  starting_ = false;
}

bool supervisor::may_start(child& c) {
  if (!c.spec || c.spec->depends_on.empty())
    return true;
  std::vector<dependency> unmet;
  for (auto& each : c.spec->depends_on)
    if (!satisfied(reached_by(each.name), each.until))
      unmet.push_back(each);
  c.detail().status_text = waiting_text(unmet);
  if (!unmet.empty() && c.state != daemon_state::created && !c.alive())
    c.state = daemon_state::created;
  return unmet.empty();
}

milestone supervisor::reached_by(const std::string& name) {
  if (auto* own = find(name))
    return own->reached;
  auto found = board_.find(name);
  return found == board_.end() ? milestone::down : found->second;
}

void supervisor::begin_life(child& c) {
  start_scan_ = std::min<std::size_t>(start_scan_, c.index);
  if (!breaker_admits(c))
    return;
  c.pending_start = false;
  drop_timer(c);
  ++c.incarnation;
  c.ready = false;
  c.health = first_health(c);
  c.pid = 0;
  c.started_at = monotonic_now();
  if (c.kind == child_kind::actor) {
    begin_actor(c);
    return;
  }
  auto& more = c.detail();
  more.status_text.clear();
  more.start_asked = c.started_at;
  more.started_wall.reset();
  c.state = daemon_state::starting;
  if (!more.counters)
    more.counters = std::make_shared<daemon_counters>();
  ++more.counters->starts;
  trace_start(c);
  switch (c.kind) {
    case child_kind::process: begin_process(c, nullptr); break;
    case child_kind::thread:
      if (!more.recorder)
        more.recorder = std::make_shared<daemon_metrics_recorder>();
      track(c, spawn_thread_incarnation(*this, with_, c, recorder_of(c)));
      break;
    case child_kind::supervisor: begin_supervisor(c); break;
    case child_kind::actor: break;
  }
  record_event(c, event_kind::starting, "starting");
}

void supervisor::begin_actor(child& c) {
  auto& factory = c.make_actor;
  auto life = spawn<caf::monitored>([factory](caf::event_based_actor* self) -> caf::behavior {
    self->set_exception_handler(
      [](caf::scheduled_actor*, std::exception_ptr& what) -> caf::error { return exception_error(what); });
    return factory(self);
  });
  track(c, life);
  c.state = daemon_state::running;
  became_running(c);
}

void supervisor::begin_supervisor(child& c) {
  auto& more = c.detail();
  auto seed = std::move(more.supervisor);
  seed->dependants = dependants_;
  auto life =
    spawn<supervisor, caf::monitored>(with_, seed, node_, caf::actor_cast<life_watcher>(caf::strong_actor_ptr{ctrl()}));
  track(c, caf::actor_cast<caf::actor>(life));
  c.state = daemon_state::running;
}

namespace {

life_end failed_start(exit_reason why) {
  life_end end;
  end.reason = std::move(why);
  end.started_at = end.ended_at = monotonic_now();
  end.ended_wall = wall_now();
  return end;
}

} // namespace

void supervisor::begin_process(child& c, const held_child* held) {
  auto& more = c.detail();
  auto order = std::make_shared<incarnation_order>();
  order->spec = c.spec;
  order->id = more.id;
  order->number = c.incarnation;
  if (held) {
    order->adopted = held->process;
    order->adopted_ready = c.ready;
    order->adopted_stopped = held->stopped;
    order->adopted_started_at = held->started_at;
    order->adopted_post_started = parse_life_record(more.record).value_or(life_record{}).post_started;
    order->record = more.record;
  } else {
    auto& logs = c.spec->logs;
    if (with_->logs && more.logged_as != c.spec)
      with_->logs->open(more.id, c.name, logs, log_dir_of(*with_, c.name, logs.dir));
    more.logged_as = c.spec;
    more.record = to_text(record_of(c));
    order->record = more.record;
  }
  if (c.spec->watch || more.watching)
    if (auto error = watch_files(c); error && !held)
      order->ended = failed_start(exit_reason::spawn(sentence(error)));
  if (c.spec->hooks)
    tell_hooks(c, *order);
  order->checks = recorder_of(c);
  order->restarts = c.restarts;
  order->trace = trace_of(c);
  auto life = spawn<caf::monitored>(
    incarnation, with_, std::move(order), caf::actor_cast<life_watcher>(caf::strong_actor_ptr{ctrl()}));
  track(c, caf::actor_cast<caf::actor>(life));
  if (!more.stored_desired)
    persist(c); // its name and id: what finds it again should the keeper be killed
}

void supervisor::on_life_note(const life_note& note) {
  auto found = alive_.find(current_sender() ? current_sender()->id() : 0);
  if (found == alive_.end())
    return; // of an incarnation that has ended
  auto& c = *found->second;
  switch (note.what) {
    case life_note::kind::launched: became_launched(c, note.pid); break;
    case life_note::kind::up:
      became_launched(c, note.pid);
      became_running(c);
      break;
    case life_note::kind::ready: became_running(c); break;
    case life_note::kind::paused:
      if (c.state != daemon_state::stopping) // else a stop has overtaken it
        c.state = daemon_state::paused;
      record_event(c, event_kind::paused, "paused");
      answer_change(c);
      break;
    case life_note::kind::resumed:
      if (c.state != daemon_state::stopping)
        c.state = daemon_state::running;
      record_event(c, event_kind::resumed, "resumed");
      answer_change(c);
      break;
    case life_note::kind::stopping: c.state = daemon_state::stopping; break;
    case life_note::kind::reloading: record_event(c, event_kind::reload, "reloads its configuration"); break;
    case life_note::kind::status: c.detail().status_text = note.text; break;
    case life_note::kind::health: health_changed(c, note); break;
    case life_note::kind::post_started: post_started(c); break;
    case life_note::kind::reloaded: reloaded(c, note.text); break;
    case life_note::kind::main_pid:
      c.pid = note.pid;
      observe(c);
      write_pid_file(c);
      break;
    case life_note::kind::limit: alert(c, note); break;
  }
}

void supervisor::became_launched(child& c, std::int32_t pid) {
  c.pid = pid;
  observe(c);
  watch_limits(c, !c.detail().started_wall);
  if (auto& more = c.detail(); !more.started_wall) { // else it is adopted and runs for longer
    c.started_at = monotonic_now();
    more.started_wall = wall_now();
  }
  if (!c.spec || c.spec->ready.type != readiness_type::none)
    set_milestone(c, milestone::started);
  write_pid_file(c);
}

void supervisor::became_running(child& c) {
  bool was_stopping = c.state == daemon_state::stopping;
  c.ready = true;
  if (!was_stopping)
    c.state = daemon_state::running;
  if (c.kind != child_kind::actor && c.kind != child_kind::supervisor) {
    auto& more = c.detail();
    auto now = monotonic_now();
    auto seconds = [&](instant since) { return std::chrono::duration<double>(now - since).count(); };
    more.counters->start_seconds.observe(seconds(more.start_asked));
    if (more.exit_seen != instant{})
      more.counters->restart_seconds.observe(seconds(std::exchange(more.exit_seen, instant{})));
    if (!more.started_wall)
      more.started_wall = wall_now();
    if (c.kind == child_kind::process && c.spec->ready.type != readiness_type::none) {
      mark_ready(more.record);
      send(with_->native, record_atom::value, more.id, c.incarnation, more.record);
      record_event(c, event_kind::ready, "ready");
    }
    record_event(c, event_kind::running, c.pid != 0 ? fmt::format("running as pid {}", c.pid) : "running");
    trace_started(c, std::nullopt);
  }
  begin_trial(c);
  set_milestone(c, milestone::ready);
  settle_waiters(c);
  if (starts_in_order(spec_.strategy))
    start_eligible();
  announce_if_ready();
}

void supervisor::set_milestone(child& c, milestone reached) {
  if (c.reached == reached)
    return;
  c.reached = reached;
  if (!c.watched)
    return;
  send(node_, milestone_note{c.name, reached}); // to those under other supervisors
  if (reached != milestone::down)
    start_eligible();
  pump_stops();
}

void supervisor::on_milestone(const milestone_note& note) {
  board_[note.name] = note.reached;
  if (note.reached != milestone::down)
    start_eligible();
  pump_stops();
}

/// Tells the parent, once, that everything wanted here is ready.
void supervisor::announce_if_ready() {
  if (is_root() || announced_)
    return;
  for (; announce_scan_ < children_.size(); ++announce_scan_) {
    auto& c = *children_[announce_scan_];
    if (c.desired == desired_state::up && !c.ready && c.reached != milestone::completed && !c.between_runs())
      return;
  }
  announced_ = true;
  send(parent_, life_note{life_note::kind::ready, 0, {}});
}

} // namespace duende
