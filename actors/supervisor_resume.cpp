// From what was to what is: how a supervisor begins, goes on after the node's death, and what it leaves to its successor.
#include "actors/supervisor.hpp"

#include "monitors/logs/capture.hpp"
#include "policies/strategy.hpp"

#include <algorithm>

namespace duende {

namespace {

/// Why what the keeper holds has ended. Of a failed start it keeps no words.
exit_reason end_of_held(const held_child& held) {
  return held.exit.pid == 0 ? exit_reason::spawn("it could not be started, and the node died before it was told why")
                            : reason_of(held.exit);
}

} // namespace

/// Takes the children over, then goes on with what the keeper holds: first with what runs, so that what an end sets off finds
/// all of it in place.
void supervisor::adopt_all(std::vector<child_seed>& seeds) {
  starting_ = true; // nothing starts before all is known
  std::vector<std::pair<child*, child_seed*>> known;
  for (auto& seed : seeds) {
    auto& c = adopt_seed(seed);
    if (c.incarnation == 0 && c.kind != child_kind::actor)
      caused_by(c, with_->begun);
    if (!seed.held)
      continue;
    c.pending_start = false;
    known.emplace_back(&c, &seed);
  }
  for (std::size_t i = 0; i < seeds.size(); ++i)
    if (seeds[i].given_up)
      run_give_up_hooks(*children_[children_.size() - seeds.size() + i], *seeds[i].given_up);
  for (bool running : {true, false})
    for (auto& [c, seed] : known)
      if (seed->held->running == running)
        readopt(*c, *seed->held, seed->state);
  for (auto& c : children_)
    if (c->scheduled())
      make_up_for(*c);
  starting_ = false;
}

child& supervisor::adopt_seed(child_seed& seed) {
  auto owned = std::make_unique<child>();
  auto& c = *owned;
  c.kind = seed.kind;
  c.name = std::move(seed.name);
  c.spec = std::move(seed.spec);
  c.make_actor = std::move(seed.make_actor);
  c.desired = seed.desired;
  c.incarnation = seed.incarnation;
  c.streak = seed.streak;
  c.restarts = static_cast<std::uint32_t>(seed.restarts);
  c.state = seed.state == daemon_state::failed ? daemon_state::failed
            : seed.incarnation > 0             ? daemon_state::stopped
                                               : daemon_state::created;
  if (c.kind != child_kind::actor) {
    auto& more = c.detail();
    more.id = seed.id;
    more.last = std::move(seed.last);
    more.counters = std::move(seed.counters);
    more.make_daemon = std::move(seed.make_daemon);
    more.supervisor = std::move(seed.supervisor);
  }
  if (c.scheduled()) {
    c.more->schedule = std::make_unique<child_schedule>();
    c.more->schedule->memory = parse_schedule_memory(seed.memory, *c.spec->schedule);
  }
  c.reached = seed.completed ? milestone::completed : milestone::down;
  c.watched = is_watched(c);
  c.pending_start = c.desired == desired_state::up && !c.scheduled();
  return enlist(std::move(owned));
}

child& supervisor::enlist(std::unique_ptr<child> owned) {
  auto& c = *owned;
  c.index = static_cast<std::uint32_t>(children_.size());
  by_name_.emplace(c.name, &c);
  children_.push_back(std::move(owned));
  return c;
}

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
  restore_breaker(c, record, held.running);
  bool known_end = !held.running && c.incarnation >= held.process.incarnation;
  c.incarnation = std::max(c.incarnation, held.process.incarnation);
  if (!more.counters)
    more.counters = std::make_shared<daemon_counters>();
  more.counters->restarts = c.restarts;
  more.counters->starts = std::max<std::uint64_t>(more.counters->starts, c.incarnation);
  if (known_end) { // it was acted upon; at the most its back-off had not passed
    if (with_->logs)
      with_->logs->end_life(more.id); // unless that was done
    if (stored == daemon_state::backoff && c.desired == desired_state::up)
      resume_backoff(c, held);
    else
      c.pending_start = c.desired == desired_state::up && !c.scheduled();
    return;
  }
  c.pending_start = false;
  c.desired = record.wanted == intent::stop ? desired_state::down : desired_state::up;
  c.restart_wanted = record.wanted == intent::restart;
  c.ready = record.ready;
  c.health = first_health(c);
  c.pid = held.process.pid;
  if (held.running)
    observe(c);
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
  end.reason = end_of_held(held);
  end.asked = record.wanted != intent::run;
  end.launched = held.exit.pid != 0;
  end.usage = held.exit.usage;
  end.was_ready = record.ready;
  end.started_at = held.started_at;
  end.ended_at = held.exit.ended_at;
  end.ended_wall = held.exit.ended_wall;
  if (!finish_with_hooks(c, end))
    child_ended(c, std::move(end));
}

/// The wait before the next start goes on where the dead node left it.
void supervisor::resume_backoff(child& c, const held_child& held) {
  auto reason = end_of_held(held);
  auto before = c.streak > 0 ? c.streak - 1 : 0;
  auto seed = std::hash<uuid>{}(c.more->id) + c.incarnation;
  auto decision = decide_restart(c.spec->restart, {before}, reason, duration{}, false, seed);
  c.pending_start = false;
  c.restarts = std::max(c.restarts, 1u);
  life_end end;
  end.reason = std::move(reason);
  end.started_at = held.started_at;
  end.ended_at = held.exit.ended_at;
  tell_breaker(c, end);
  restart_later(c, std::max(breaker_wait(c), held.exit.ended_at + decision.delay - monotonic_now()));
}

child_seed supervisor::seed_of(const child& c) const {
  child_seed seed;
  seed.kind = c.kind;
  seed.spec = c.spec;
  seed.name = c.name;
  seed.make_actor = c.make_actor;
  // what stopped only because its supervisor did comes back with it
  seed.desired = c.desired;
  if (c.state == daemon_state::failed)
    seed.desired = desired_state::up;
  seed.incarnation = c.incarnation;
  seed.restarts = c.restarts;
  seed.completed = c.reached == milestone::completed;
  if (c.more) {
    seed.id = c.more->id;
    seed.make_daemon = c.more->make_daemon;
    seed.supervisor = c.more->supervisor;
    seed.last = c.more->last;
    seed.counters = c.more->counters;
    if (c.scheduled() && c.more->schedule)
      seed.memory = to_text(c.more->schedule->memory, *c.spec->schedule);
  }
  return seed;
}

std::shared_ptr<supervisor_seed> supervisor::seed_of_all() const {
  auto seed = std::make_shared<supervisor_seed>();
  seed->spec = spec_;
  seed->restarts = restarts_;
  seed->escalations = escalations_;
  for (auto& c : children_)
    seed->children.push_back(seed_of(*c));
  return seed;
}

/// As in OTP a supervisor that fails takes its children with it. They live in other actors: a successor gets them, stops all that
/// lives and ends; only then its parent decides what follows. So none is left alone, and none runs twice.
caf::error supervisor::failed(const std::exception_ptr& what) {
  life_end end;
  end.reason = exit_reason::failure(sentence(exception_error(what)));
  end.started_at = end.ended_at = monotonic_now();
  end.ended_wall = wall_now();
  try {
    record_own_event(
      event_kind::escalation,
      fmt::format("supervisor '{}' {}: its children are stopped", spec_.name, end.reason.detail));
    auto why = fail(errc::canceled, "the supervisor '{}' {}", spec_.name, end.reason.detail);
    for (auto& c : children_)
      if (c->more) {
        for (auto& each : std::exchange(c->more->waiters, {}))
          each.promise.deliver(why);
        for (auto& each : std::exchange(c->more->change_waiters, {}))
          each.deliver(why);
      }
    auto seed = std::make_shared<supervisor_seed>();
    seed->spec = spec_;
    seed->restarts = restarts_;
    seed->escalations = escalations_;
    seed->left = std::move(children_);
    seed->failure = end.reason;
    end.below = std::move(seed);
  } catch (...) { // then its parent gives it up, and says so
  }
  return as_error(std::move(end));
}

void supervisor::take_over(std::vector<std::unique_ptr<child>>& left, exit_reason failure) {
  for (auto& each : left) {
    if (!each)
      continue;
    auto& c = enlist(std::move(each));
    c.timer = 0;
    if (c.more && c.more->guard)
      c.more->guard->trial_timer = 0;
    if (!c.alive())
      continue;
    monitor(caf::actor_cast<caf::actor>(c.life));
    alive_.emplace(c.life->id(), &c);
  }
  begin_shutdown(std::move(failure));
}

} // namespace duende
