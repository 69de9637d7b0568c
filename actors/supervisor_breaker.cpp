// The circuit breaker of a child: asked before each start, told of each outcome.
#include "actors/supervisor.hpp"

#include "core/units.hpp"

namespace duende {

/// Null where the daemon has none.
breaker* supervisor::breaker_of(child& c) {
  if (!c.spec || !c.spec->breaker) {
    if (c.more && c.more->guard && c.more->guard->cut) {
      drop_trial(c);
      c.more->guard->cut.reset();
      c.more->guard->counters.breaker = -1;
    }
    return nullptr;
  }
  auto& guard = guard_of(c);
  if (!guard.cut) {
    guard.cut.emplace(*c.spec->breaker);
    guard.counters.breaker = static_cast<int>(breaker_state::closed);
  } else {
    guard.cut->change(*c.spec->breaker); // apply may have changed it
  }
  return &*guard.cut;
}

/// Counts and tells where its state is another one than before.
void supervisor::breaker_moved(child& c, instant now) {
  auto& guard = *c.more->guard;
  auto state = guard.cut->state(now);
  if (std::exchange(guard.counters.breaker, static_cast<int>(state)) == static_cast<int>(state))
    return;
  ++guard.counters.breaker_transitions[static_cast<std::size_t>(state)];
  switch (state) {
    case breaker_state::open:
      record_event(c, event_kind::breaker, fmt::format("circuit breaker {}", guard.cut->explain(now)));
      break;
    case breaker_state::half_open:
      record_event(c, event_kind::breaker, "circuit breaker half-open: one start is tried");
      break;
    case breaker_state::closed: record_event(c, event_kind::breaker, "circuit breaker closed again"); break;
  }
}

/// Zero unless it is open; then why the daemon waits is shown.
duration supervisor::breaker_wait(child& c) {
  auto* cut = breaker_of(c);
  auto now = monotonic_now();
  if (!cut || cut->state(now) != breaker_state::open)
    return {};
  c.detail().status_text = fmt::format("circuit breaker {}", cut->explain(now));
  return std::max(duration{1ms}, cut->retry_at() - now);
}

/// False where the start has to wait; it is arranged for then.
bool supervisor::breaker_admits(child& c) {
  auto* cut = breaker_of(c);
  if (!cut)
    return true;
  auto& guard = *c.more->guard;
  auto now = monotonic_now();
  guard.start = cut->admit(now);
  breaker_moved(c, now);
  if (guard.start)
    return true;
  c.pending_start = false;
  restart_later(c, std::max(duration{1s}, breaker_wait(c)));
  return false;
}

/// A life has ended. A run of reset_after was a success even where it ended badly; then its end begins another count.
void supervisor::tell_breaker(child& c, const life_end& end) {
  auto* cut = breaker_of(c);
  if (!cut)
    return;
  drop_trial(c);
  auto& guard = *c.more->guard;
  auto ticket = std::exchange(guard.start, std::nullopt);
  const bool success = is_success(c.spec->restart, end.reason);
  const bool long_run = end.launched && end.was_ready && end.ended_at - end.started_at >= c.spec->restart.reset_after;
  if (ticket && (end.asked || end.broken) && !long_run)
    cut->abandoned(*std::exchange(ticket, std::nullopt));
  else if (ticket && (success || long_run))
    cut->succeeded(*std::exchange(ticket, std::nullopt));
  if (!success && !end.asked && !end.broken) {
    if (!ticket)
      ticket = cut->admit(end.ended_at);
    if (ticket)
      cut->failed(*ticket, end.ended_at);
  }
  breaker_moved(c, end.ended_at);
}

/// It is up: a trial counts as a success once it has run for reset_after, and again after each such time.
void supervisor::begin_trial(child& c) {
  auto* cut = breaker_of(c);
  if (!cut || cut->state(monotonic_now()) != breaker_state::half_open || !c.more->guard->start)
    return;
  drop_trial(c);
  auto timer = next_timer_++;
  c.more->guard->trial_timer = timer;
  timers_.emplace(timer, &c);
  wake_after(c.spec->restart.reset_after, timer);
}

bool supervisor::trial_lasted(child& c, std::uint64_t timer) {
  if (!c.more || !c.more->guard || c.more->guard->trial_timer != timer)
    return false;
  drop_trial(c);
  auto& guard = *c.more->guard;
  if (auto* cut = breaker_of(c); cut && guard.start && c.alive()) {
    auto now = monotonic_now();
    cut->succeeded(*guard.start);
    guard.start = cut->admit(now);
    breaker_moved(c, now);
    begin_trial(c);
  }
  return true;
}

void supervisor::drop_trial(child& c) {
  if (c.more && c.more->guard)
    timers_.erase(std::exchange(c.more->guard->trial_timer, 0));
}

/// A person starts it: what was counts no more.
void supervisor::reset_breaker(child& c) {
  auto* cut = breaker_of(c);
  if (!cut || c.alive())
    return;
  c.more->guard->cut.emplace(*c.spec->breaker);
  breaker_moved(c, monotonic_now());
}

/// As the record of its last life has it.
void supervisor::restore_breaker(child& c, const life_record& record, bool running) {
  auto* cut = breaker_of(c);
  if (!cut || !record.cut)
    return;
  auto now = monotonic_now();
  cut->restore(*record.cut);
  c.more->guard->counters.breaker = static_cast<int>(cut->state(now));
  if (running)
    c.more->guard->start = cut->admit(now);
}

} // namespace duende
