// Ends of incarnations, and what follows: restarts one by one or in groups, giving up, escalation.
#include "actors/supervisor.hpp"

#include "core/crash_point.hpp"
#include "core/units.hpp"
#include "policies/strategy.hpp"

#include <algorithm>

namespace duende {

/// The node lived again: goes on with a process that lived on, or decides about an end that nobody saw.
void supervisor::readopt(child& c, const held_child& held, daemon_state stored) {
  auto& more = c.detail();
  auto record = parse_life_record(held.record).value_or(life_record{});
  more.record = held.record;
  more.started_wall = record.started_at;
  c.restarts = static_cast<std::uint32_t>(std::max<std::uint64_t>(c.restarts, record.restarts));
  c.streak = record.streak;
  c.started_at = held.started_at;
  if (is_root())
    more.window.restore(record.recent);
  bool known_end = !held.running && c.incarnation >= held.process.incarnation;
  c.incarnation = std::max(c.incarnation, held.process.incarnation);
  if (!more.counters)
    more.counters = std::make_shared<daemon_counters>();
  more.counters->restarts = c.restarts;
  more.counters->starts = std::max<std::uint64_t>(more.counters->starts, c.incarnation);
  if (known_end) { // it was acted upon; at the most its back-off had not passed
    if (stored == daemon_state::backoff && c.desired == desired_state::up)
      resume_backoff(c, held);
    else
      c.pending_start = c.desired == desired_state::up;
    return;
  }
  c.pending_start = false;
  c.desired = record.wanted == intent::stop ? desired_state::down : desired_state::up;
  c.restart_wanted = record.wanted == intent::restart;
  c.ready = record.ready;
  c.pid = held.process.pid;
  c.state = !record.ready ? daemon_state::starting : held.stopped ? daemon_state::paused : daemon_state::running;
  more.start_asked = monotonic_now();
  if (held.running) {
    c.reached = record.ready ? milestone::ready : milestone::started;
    begin_process(c, &held);
    if (c.watched)
      send(node_, milestone_note{c.name, c.reached});
    if (record.wanted != intent::run)
      order_stop(c, false);
    return;
  }
  life_end end;
  end.reason = reason_of(held.exit);
  end.asked = record.wanted != intent::run;
  end.launched = true;
  end.was_ready = record.ready;
  end.started_at = held.started_at;
  end.ended_at = held.exit.ended_at;
  end.ended_wall = held.exit.ended_wall;
  child_ended(c, std::move(end));
}

/// The wait before the next start goes on where the dead node left it.
void supervisor::resume_backoff(child& c, const held_child& held) {
  auto reason = reason_of(held.exit);
  auto before = c.streak > 0 ? c.streak - 1 : 0;
  auto seed = std::hash<uuid>{}(c.more->id) + c.incarnation;
  auto decision = decide_restart(c.spec->restart, {before}, reason, duration{}, false, seed);
  c.pending_start = false;
  c.restarts = std::max(c.restarts, 1u);
  restart_later(c, std::max(duration{}, held.exit.ended_at + decision.delay - monotonic_now()));
}

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
  if (c.kind == child_kind::actor && c.desired == desired_state::down)
    end.asked = true;
  child_ended(c, std::move(end));
}

void supervisor::child_ended(child& c, life_end end) {
  c.ready = false;
  c.pid = 0;
  count_end(c, end);
  bool success = c.spec && is_success(c.spec->restart, end.reason);
  set_milestone(c, success && !end.asked ? milestone::completed : milestone::down);
  c.stop_wanted = c.stop_at_once = false;
  std::erase(held_stops_, &c);
  if (c.removing) {
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
  } else {
    decide(c, end);
    if (c.kind == child_kind::process && c.desired == desired_state::up)
      persist(c); // the last exit and the count survive the next node, too
  }
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
  switch (decision.action) {
    case restart_action::rest:
      c.desired = desired_state::down;
      settle(c, daemon_state::stopped);
      if (starts_in_order(spec_.strategy))
        start_eligible();
      announce_if_ready();
      return;
    case restart_action::give_up: give_up(c, explain(decision, policy, end.reason)); return;
    case restart_action::restart: break;
  }
  if (!admit_restart(c, end.ended_at))
    return;
  ++c.restarts;
  ++restarts_;
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
  auto group = duende::group_of(spec_.strategy, children_.size(), index_of(failed));
  failed.regrouping = true;
  failed.state = daemon_state::backoff;
  failed.detail().backoff_until = monotonic_now() + delay;
  group.each_to_stop([&](std::size_t i) {
    auto& c = *children_[i];
    if (c.alive()) {
      c.regrouping = true;
      if (c.kind == child_kind::process)
        write_intent(c, intent::restart);
      want_stop(c, false);
    } else if (c.desired == desired_state::up) {
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
  if (regroup_timer_ != 0 || shutting_down_ || !starts_in_order(spec_.strategy))
    return;
  bool any = false;
  for (auto& c : children_)
    if (c->regrouping) {
      if (c->alive())
        return;
      any = true;
    }
  if (!any)
    return;
  for (auto& c : children_)
    if (std::exchange(c->regrouping, false))
      c->pending_start = c->desired == desired_state::up;
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
  record_event(c, event_kind::give_up, fmt::format("{}, supervisor '{}' gives up", text, spec_.name));
  settle(c, daemon_state::failed);
  record_own_event(event_kind::escalation, fmt::format("supervisor '{}' gives up: {}", spec_.name, text));
  begin_shutdown(fail(errc::limit_reached, "intensity exceeded: {}", text));
  return false;
}

void supervisor::give_up(child& c, const std::string& why) {
  c.desired = desired_state::down;
  c.detail().status_text = why;
  record_event(c, event_kind::give_up, fmt::format("gives up: {}", why));
  record_event(c, event_kind::andon, fmt::format("waits for a person; 'duende start {}' tries again", c.name));
  settle(c, daemon_state::failed);
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
    if (!shutting_down_) // the next start begins afresh
      persist(c);
  }
  settle_waiters(c);
}

void supervisor::want_stop(child& c, bool at_once) {
  c.stop_wanted = true;
  c.stop_at_once = c.stop_at_once || at_once;
  if (may_stop(c))
    order_stop(c, c.stop_at_once);
  else if (std::find(held_stops_.begin(), held_stops_.end(), &c) == held_stops_.end())
    held_stops_.push_back(&c);
}

void supervisor::order_stop(child& c, bool at_once) {
  c.stop_wanted = false;
  std::erase(held_stops_, &c);
  if (c.more)
    c.more->stop_asked = monotonic_now();
  if (c.kind != child_kind::actor || c.state != daemon_state::running)
    c.state = daemon_state::stopping;
  if (c.kind == child_kind::process || c.kind == child_kind::thread)
    send(caf::actor_cast<life_actor>(c.life), stop_atom::value, stop_order{at_once, {}});
  else if (c.kind == child_kind::supervisor)
    node_stops_ ? send(caf::actor_cast<supervisor_actor>(c.life), shutdown_atom::value, everything_atom::value)
                : send(caf::actor_cast<supervisor_actor>(c.life), shutdown_atom::value);
  else
    send_exit(c.life, at_once ? caf::exit_reason::kill : caf::exit_reason::user_shutdown);
}

/// Whether all that must be down before `c` are: its dependants anywhere, and under an order its successors here.
bool supervisor::may_stop(const child& c) {
  if (!shutting_down_ && !c.regrouping)
    return true; // an operator's stop of one daemon asks nobody
  if (starts_in_order(spec_.strategy)) {
    for (auto i = index_of(c) + 1; i < children_.size(); ++i)
      if (children_[i]->alive() && (shutting_down_ || children_[i]->regrouping))
        return false;
  }
  if (!c.watched || !dependants_ || !shutting_down_)
    return true;
  auto found = dependants_->find(c.name);
  if (found == dependants_->end())
    return true;
  return std::all_of(found->second.begin(), found->second.end(), [&](auto& name) {
    if (auto* own = find(name))
      return !own->alive();
    if (!node_stops_)
      return true; // those elsewhere stay: waiting for them would be for ever
    auto there = board_.find(name);
    return there == board_.end() || there->second == milestone::down || there->second == milestone::completed;
  });
}

void supervisor::pump_stops() {
  if (held_stops_.empty())
    return;
  if (starts_in_order(spec_.strategy)) { // only the last that lives can be the next
    auto last = std::find_if(children_.rbegin(), children_.rend(), [&](auto& each) {
      return each->alive() && (shutting_down_ || each->regrouping);
    });
    if (last != children_.rend() && (*last)->stop_wanted && may_stop(**last))
      order_stop(**last, (*last)->stop_at_once);
    return;
  }
  auto waiting = held_stops_;
  for (auto* c : waiting)
    if (c->alive() && may_stop(*c))
      order_stop(*c, c->stop_at_once);
}

void supervisor::stop_everything() {
  node_stops_ = true;
  begin_shutdown({});
}

void supervisor::begin_shutdown(std::optional<caf::error> with_reason) {
  if (!end_reason_)
    end_reason_ = std::move(with_reason);
  if (shutting_down_)
    return;
  shutting_down_ = true;
  regroup_timer_ = 0;
  for (auto& c : children_) {
    drop_timer(*c);
    c->regrouping = c->restart_wanted = c->pending_start = false;
    if (!c->alive() && c->state == daemon_state::backoff)
      c->state = daemon_state::stopped;
    if (!c->alive())
      fail_waiters(*c, fail(errc::canceled, "'{}' is not started: its supervisor '{}' stops", c->name, spec_.name));
  }
  for (auto i = children_.size(); i > 0; --i)
    if (auto& c = *children_[i - 1]; c.alive())
      want_stop(c, false);
  end_if_all_down();
}

void supervisor::end_if_all_down() {
  if (!shutting_down_ || !alive_.empty() || std::exchange(ended_, true))
    return;
  if (parent_) {
    auto records = std::make_shared<supervisor_seed>();
    records->spec = spec_;
    records->restarts = restarts_;
    records->escalations = escalations_;
    for (auto& c : children_)
      records->children.push_back(seed_of(*c));
    send(parent_, std::move(records));
  }
  quit(end_reason_ ? *end_reason_ : caf::error{});
}

} // namespace duende
