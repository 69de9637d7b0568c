// Ends of incarnations, and what follows: restarts one by one or in groups, giving up, escalation.
#include "actors/supervisor.hpp"

#include "monitors/logs/capture.hpp"
#include "policies/strategy.hpp"

#include <algorithm>

namespace duende {

void supervisor::on_down(const caf::down_msg& down) {
  auto found = alive_.find(down.source.id());
  if (found == alive_.end())
    return;
  auto& c = *found->second;
  alive_.erase(found);
  c.life = nullptr;
  auto end = end_of(down.reason, monotonic_now());
  if (c.kind != child_kind::process && end.started_at == end.ended_at)
    end.started_at = c.started_at;
  if (c.kind != child_kind::process)
    end.launched = end.was_ready = true;
  if (c.kind == child_kind::actor && c.state == daemon_state::stopping) {
    end.asked = true;
    if (down.reason == caf::exit_reason::user_shutdown)
      end.reason = exit_reason::graceful();
  }
  if (c.kind == child_kind::supervisor) {
    c.detail().supervisor = std::move(end.below);
    if (c.more->supervisor && c.more->supervisor->failure) { // a successor sees to the end of its children first
      begin_supervisor(c);
      start_scan_ = std::min<std::size_t>(start_scan_, c.index);
      c.ready = false;
      c.state = daemon_state::stopping;
      return;
    }
  }
  child_ended(c, std::move(end));
}

void supervisor::child_ended(child& c, life_end end) {
  start_scan_ = std::min<std::size_t>(start_scan_, c.index);
  c.ready = false;
  const last_life life{c.incarnation, c.restarts, c.pid, c.more ? c.more->started_wall : std::nullopt};
  c.pid = 0;
  observe(c);
  gave_up_.clear();
  if (with_->logs && c.kind == child_kind::process)
    with_->logs->end_life(c.more->id); // before the next life can print
  explain_kill(c, end.reason);
  if (c.more && c.more->guard)
    c.more->guard->alarm = nullptr;
  count_end(c, end);
  tell_breaker(c, end);
  bool success = c.spec && is_success(c.spec->restart, end.reason);
  set_milestone(c, success && !end.asked ? milestone::completed : milestone::down);
  c.stop_wanted = c.stop_at_once = false;
  std::erase(held_stops_, &c);
  const bool removed = c.removing;
  if (removed) {
    forget_child(c);
  } else if (shutting_down_ || c.desired == desired_state::down) {
    settle(c, daemon_state::stopped);
    fail_waiters(c, fail(errc::canceled, "'{}' is not started: its supervisor '{}' stops", c.name, spec_.name));
  } else if (c.regrouping) {
    c.state = daemon_state::stopped;
    c.restart_wanted = false;
    settle_waiters(c);
  } else if (std::exchange(c.restart_wanted, false)) {
    c.state = daemon_state::stopped;
    settle_waiters(c); // those who waited for its stop
    c.pending_start = true;
    start_eligible();
  } else if (c.kind == child_kind::supervisor && !c.more->supervisor) {
    give_up(c, "what it knew of its children is lost");
  } else {
    decide(c, end);
    if (c.kind == child_kind::process && c.desired == desired_state::up)
      persist(c); // the last exit and the count survive the next node, too
  }
  if (!removed) // what follows is under way already
    report_crash(c, end, life);
  pump_stops();
  regroup_due();
  if (starts_in_order(spec_.strategy))
    start_eligible(); // nobody waits for one that is wanted no more
  end_if_all_down();
}

void supervisor::decide(child& c, const life_end& end) {
  static const restart_policy for_supervisors = restart_policy::always();
  auto& policy = c.spec ? c.spec->restart : for_supervisors;
  auto uptime = end.launched ? end.ended_at - end.started_at : duration{};
  if (end.reason.cause == exit_cause::timeout && !end.was_ready)
    uptime = duration{}; // a failed start was no run
  auto seed = c.more ? std::hash<uuid>{}(c.more->id) + c.incarnation : c.incarnation;
  auto decision = decide_restart(policy, {c.streak}, end.reason, uptime, end.asked, seed);
  c.streak = decision.streak;
  if (end.broken)
    return stop_line(c, *end.broken);
  if (stops_line_at_first(c, end))
    return;
  if (rest_until_next(c, end, decision))
    return;
  switch (decision.action) {
    case restart_action::rest:
      c.desired = desired_state::down;
      settle(c, daemon_state::stopped);
      if (starts_in_order(spec_.strategy))
        start_eligible();
      announce_if_ready();
      return;
    case restart_action::give_up: give_up(c, explain(decision, policy, end.reason)); return;
    case restart_action::restart: decision.delay = std::max(decision.delay, breaker_wait(c)); break;
  }
  if (breaker_wait(c) == 0ns && !admit_restart(c, end.ended_at)) // an open breaker is the slower limit
    return;
  ++c.restarts;
  ++restarts_;
  trace_restart(c);
  if (c.kind != child_kind::actor) {
    auto& more = c.detail();
    ++more.counters->restarts;
    more.exit_seen = end.ended_at;
    if (!c.ready && !end.was_ready)
      fail_waiters(c, fail(errc::spawn_failed, "cannot start '{}': {}", c.name, to_string(end.reason)));
  }
  auto kind = decision.delay > 0ns ? event_kind::backoff : event_kind::restart;
  record_event(c, kind, explain(decision, policy, end.reason));
  if (starts_in_order(spec_.strategy))
    restart_group(c, decision.delay);
  else
    restart_later(c, decision.delay);
}

void supervisor::restart_later(child& c, duration delay) {
  start_scan_ = std::min<std::size_t>(start_scan_, c.index);
  if (delay <= 0ns) {
    c.pending_start = true;
    if (!starts_in_order(spec_.strategy) && may_start(c))
      begin_life(c);
    else
      start_eligible();
    return;
  }
  c.state = daemon_state::backoff;
  c.detail().backoff_until = monotonic_now() + delay;
  set_timer(c, delay);
}

/// Stops those that restart together with `c`, in reverse order; regroup_due starts them when all are down and the delay is over.
void supervisor::restart_group(child& failed, duration delay) {
  auto group = duende::group_of(spec_.strategy, children_.size(), failed.index);
  regrouping_ = true;
  stop_scan_ = children_.size();
  failed.regrouping = true;
  failed.state = daemon_state::backoff;
  failed.detail().backoff_until = monotonic_now() + delay;
  group.each_to_stop([&](std::size_t i) {
    auto& c = *children_[i];
    if (c.alive()) {
      c.regrouping = true;
      if (
        c.kind == child_kind::process
        && c.desired == desired_state::up) // an operator's stop outlives the group's restart
        write_intent(c, intent::restart);
      want_stop(c, false);
    } else if (c.desired == desired_state::up && !c.between_runs()) {
      drop_timer(c);
      c.regrouping = true;
    }
  });
  if (regroup_timer_ == 0 && delay > 0ns) {
    regroup_timer_ = next_timer_++;
    wake_after(delay, regroup_timer_);
  }
  pump_stops();
  regroup_due();
}

/// Starts the group in order once all of it is down and its delay is over.
void supervisor::regroup_due() {
  if (!regrouping_ || regroup_timer_ != 0 || shutting_down_ || last_to_stop() != nullptr)
    return;
  regrouping_ = false;
  for (auto& c : children_)
    if (std::exchange(c->regrouping, false))
      c->pending_start = c->desired == desired_state::up;
  start_scan_ = 0;
  start_eligible();
}

/// Counts the restart against the intensity; where that is exceeded, gives up and returns false.
bool supervisor::admit_restart(child& c, instant now) {
  auto& window = is_root() ? c.detail().window : window_;
  if (window.admit(now, spec_.intensity))
    return true;
  auto text = restart_window::refusal(spec_.intensity);
  if (is_root()) {
    give_up(c, text);
    return false;
  }
  ++escalations_;
  gave_up_ = fmt::format("{}, supervisor '{}' gives up", text, spec_.name);
  record_event(c, event_kind::give_up, gave_up_);
  run_give_up_hooks(c, text);
  settle(c, daemon_state::failed);
  record_own_event(event_kind::escalation, fmt::format("supervisor '{}' gives up: {}", spec_.name, text));
  begin_shutdown(exit_reason::failure("intensity exceeded: " + text));
  return false;
}

void supervisor::give_up(child& c, const std::string& why) {
  c.desired = desired_state::down;
  drop_schedule(c);
  c.detail().status_text = why;
  gave_up_ = why;
  record_event(c, event_kind::give_up, fmt::format("gives up: {}", why));
  record_event(c, event_kind::andon, fmt::format("waits for a person; 'duende start {}' tries again", c.name));
  settle(c, daemon_state::failed);
  run_give_up_hooks(c, why);
  announce_if_ready();
}

/// The daemon is down to stay: writes it down, answers those who waited.
void supervisor::settle(child& c, daemon_state state) {
  c.state = state;
  c.pid = 0;
  c.restart_wanted = false;
  c.pending_start = c.desired == desired_state::up && !shutting_down_ && c.pending_start;
  if (c.kind != child_kind::actor) {
    c.detail().exit_seen = {};
    trace_restarted(c, "it is not started again");
    if (!shutting_down_) // the next start begins afresh
      persist(c);
    if (c.kind == child_kind::process && c.spec->fd_store_max > 0 && c.desired == desired_state::down)
      send(with_->native, retain_atom::value, c.more->id);
  }
  settle_waiters(c);
}

/// Another strategy or intensity from now on; what is under way is seen to its end.
void supervisor::on_spec(const supervisor_spec& spec) {
  if (spec.name != spec_.name) { // one that is down
    if (auto seed = parked(spec.name))
      seed->spec = spec;
    return;
  }
  spec_ = spec;
  start_scan_ = 0;
  stop_scan_ = children_.size();
  held_stops_.clear();
  for (auto& c : children_)
    if (c->stop_wanted)
      held_stops_.push_back(c.get());
  pump_stops();
  regroup_due();
  start_eligible();
}

} // namespace duende
