// Stops: of one daemon, of a group before its restart, of all at the end.
#include "actors/supervisor.hpp"

#include "policies/strategy.hpp"

#include <algorithm>

namespace duende {

/// Under an order: of all that must go down the last that lives, hence the next. A pointer that only sinks while they go.
child* supervisor::last_to_stop() {
  for (stop_scan_ = std::min(stop_scan_, children_.size()); stop_scan_ > 0; --stop_scan_)
    if (auto* c = children_[stop_scan_ - 1].get(); c->alive() && (shutting_down_ || c->regrouping))
      return c;
  return nullptr;
}

void supervisor::want_stop(child& c, bool at_once) {
  c.stop_wanted = true;
  c.stop_at_once = c.stop_at_once || at_once;
  if (may_stop(c))
    order_stop(c, c.stop_at_once);
  else if (
    !starts_in_order(spec_.strategy) && std::find(held_stops_.begin(), held_stops_.end(), &c) == held_stops_.end())
    held_stops_.push_back(&c);
}

void supervisor::order_stop(child& c, bool at_once) {
  c.stop_wanted = false;
  std::erase(held_stops_, &c);
  if (c.more)
    c.more->stop_asked = monotonic_now();
  trace_stop(c);
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
  if (starts_in_order(spec_.strategy))
    if (auto* last = last_to_stop(); last != nullptr && last->index > c.index)
      return false;
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
  if (starts_in_order(spec_.strategy)) {
    if (auto* last = last_to_stop(); last != nullptr && last->stop_wanted && may_stop(*last))
      order_stop(*last, last->stop_at_once);
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

void supervisor::begin_shutdown(std::optional<exit_reason> with_reason) {
  if (!end_reason_)
    end_reason_ = std::move(with_reason);
  if (shutting_down_)
    return;
  shutting_down_ = true;
  regroup_timer_ = 0;
  regrouping_ = false;
  stop_scan_ = children_.size();
  for (auto& c : children_) {
    drop_timer(*c);
    drop_schedule(*c);
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
  if (!parent_ && !end_reason_) {
    quit();
    return;
  }
  life_end end;
  end.reason = end_reason_.value_or(exit_reason::graceful());
  end.started_at = end.ended_at = monotonic_now();
  end.ended_wall = wall_now();
  end.below = seed_of_all();
  quit(as_error(std::move(end)));
}

} // namespace duende
