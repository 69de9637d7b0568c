// What starts and restarts children beside their ends and operators: the clock and changed files.
#include "actors/supervisor.hpp"

#include "core/units.hpp"
#include "core/wall_timer.hpp"
#include "monitors/files/file_watch.hpp"
#include "policies/strategy.hpp"

#include <caf/send.hpp>

namespace duende {

/// Finds the next run and sets the clock for it; takes both away where none is wanted.
void supervisor::set_schedule(child& c) {
  if (!c.scheduled() || c.desired == desired_state::down || shutting_down_)
    return drop_schedule(c);
  auto& more = c.detail();
  if (!more.schedule)
    more.schedule = std::make_unique<child_schedule>();
  auto& s = *more.schedule;
  if (s.of != c.spec) {
    if (s.of && s.of->schedule != c.spec->schedule)
      s.memory.next.reset(); // that was the old one's
    s.of = c.spec;
    s.rule.reset();
    if (auto rule = schedule_rule::make(*c.spec->schedule))
      s.rule = std::move(*rule);
    else
      record_event(c, event_kind::limit, fmt::format("does not run: {}", sentence(rule.error())));
  }
  if (with_->clock && s.timer != 0)
    with_->clock->cancel(std::exchange(s.timer, 0));
  ++s.generation;
  s.memory.next = s.rule ? s.rule->next(s.memory, wall_now(), std::hash<uuid>{}(more.id)) : std::optional<wall_time>{};
  if (!s.memory.next || !with_->clock)
    return;
  s.timer = with_->clock->at(*s.memory.next, [to = address(), name = c.name, generation = s.generation](bool due) {
    if (auto target = caf::actor_cast<caf::actor>(to))
      caf::anon_send(target, due_note{name, generation, due});
  });
}

void supervisor::drop_schedule(child& c) {
  if (!c.more || !c.more->schedule)
    return;
  auto& s = *c.more->schedule;
  if (with_->clock && s.timer != 0)
    with_->clock->cancel(std::exchange(s.timer, 0));
  ++s.generation;
  if (!shutting_down_) // else it is still to come, for whoever comes after us
    s.memory.next.reset();
}

void supervisor::on_due(const due_note& note) {
  auto* c = find(note.name);
  if (!c || !c->scheduled() || !c->more->schedule || c->more->schedule->generation != note.generation)
    return;
  auto& s = *c->more->schedule;
  s.timer = 0;
  if (!note.due) { // the clock was set
    s.memory.next.reset();
    set_schedule(*c);
    persist(*c);
  } else if (c->alive() || c->pending_start) {
    ++s.memory.skipped;
    record_event(
      *c, event_kind::policy,
      fmt::format(
        "skips the run of {}: the one before {}", to_rfc3339(s.memory.next.value_or(wall_now())),
        c->alive() ? "still runs" : "still waits for its start"));
    set_schedule(*c);
    persist(*c);
  } else {
    run_now(*c, {});
  }
}

/// A run begins, for the clock's sake.
void supervisor::run_now(child& c, const std::string& why) {
  auto& s = *c.more->schedule;
  s.memory.last = wall_now();
  s.memory.next.reset();
  set_schedule(c);
  drop_timer(c); // a retry of the run before is overtaken
  c.streak = 0;
  if (!why.empty())
    record_event(c, event_kind::restart, why);
  c.pending_start = true;
  c.regrouping = false;
  start_scan_ = std::min<std::size_t>(start_scan_, c.index);
  persist(c);
  start_eligible();
}

/// At the beginning: a run that fell due while nobody was there.
void supervisor::make_up_for(child& c) {
  if (c.desired == desired_state::down || shutting_down_ || ended_)
    return;
  auto missed = c.more->schedule->memory.next;
  bool wanted = !c.alive() && !c.pending_start && c.state != daemon_state::backoff;
  if (auto rule = schedule_rule::make(*c.spec->schedule);
      wanted && rule && rule->missed(c.more->schedule->memory, wall_now()))
    run_now(c, fmt::format("runs now: the run of {} was missed", to_rfc3339(*missed)));
  else
    set_schedule(c);
  persist(c);
}

/// How a run ends: it is not kept alive. False where the policy starts it again at once, as for any daemon.
bool supervisor::rest_until_next(child& c, const life_end& end, const restart_decision& decision) {
  if (!c.scheduled() || decision.action == restart_action::restart)
    return false;
  if (decision.action == restart_action::give_up) {
    auto why = explain(decision, c.spec->restart, end.reason);
    gave_up_ = why;
    record_event(c, event_kind::give_up, fmt::format("gives this run up: {}", why));
    run_give_up_hooks(c, why);
    if (!end.was_ready)
      fail_waiters(c, fail(errc::spawn_failed, "cannot start '{}': {}", c.name, to_string(end.reason)));
  }
  c.streak = 0;
  settle(c, daemon_state::stopped);
  if (starts_in_order(spec_.strategy))
    start_eligible();
  announce_if_ready();
  return true;
}

/// Watches what the present configuration names.
caf::error supervisor::watch_files(child& c) {
  auto& more = c.detail();
  bool same = more.watched_as && more.watched_as->watch == c.spec->watch;
  if (same && (more.watching || !c.spec->watch))
    return {};
  more.watching.reset();
  more.watched_as.reset();
  if (!c.spec->watch || !with_->files)
    return {};
  file_watch::callbacks to;
  to.on_change = [to = address(), name = c.name](std::string text) {
    if (auto target = caf::actor_cast<caf::actor>(to))
      caf::anon_send(target, files_note{name, std::move(text)});
  };
  to.on_trouble = [from = std::weak_ptr<const services>{with_}, name = c.name,
                   above = spec_.name](const std::string& text) {
    event what;
    what.kind = event_kind::limit;
    what.daemon = name;
    what.supervisor = above;
    what.text = fmt::format("{}: {}", name, text);
    if (auto with = from.lock()) // the watch may outlive the node's organs
      with->record(std::move(what));
  };
  auto watching = with_->files->watch(*c.spec->watch, c.spec->working_dir, std::move(to));
  if (!watching)
    return watching.error();
  more.watching = std::move(*watching);
  more.watched_as = c.spec;
  return {};
}

/// As an operator's restart. What an operator has stopped is not watched; what waits for its time goes on waiting.
void supervisor::on_files(const files_note& note) {
  auto* c = find(note.name);
  if (!c || c->removing || shutting_down_ || !c->more || !c->more->watching)
    return;
  bool rests = !c->alive() && c->state != daemon_state::created && !c->scheduled(); // it failed, or has done its work
  bool runs =
    c->alive() && c->desired == desired_state::up && !(c->restart_wanted && c->state == daemon_state::stopping);
  if (!rests && !runs)
    return;
  record_event(*c, event_kind::restart, fmt::format("files changed: {}: restarts", note.text));
  if (rests)
    start_child(*c, false);
  else
    restart_child(*c, false);
}

} // namespace duende
