// What watches over a life: actors linked to it. One that ends with a reason ends the daemon for that reason.
#include "actors/gate_runner.hpp"
#include "actors/health_checker.hpp"
#include "actors/incarnation_state.hpp"
#include "actors/line_watcher.hpp"
#include "core/event.hpp"

#include <caf/send.hpp>

namespace duende {
namespace {

void let_go(incarnation_ptr self, caf::actor& guard) {
  if (!guard)
    return;
  self->unlink_from(guard);
  caf::anon_send_exit(guard, caf::exit_reason::user_shutdown);
  guard = nullptr;
}

void begin_health(incarnation_ptr self) {
  auto& state = self->state;
  auto& guards = *state.guards;
  auto& health = guards.spec->health;
  if (!health || health->type == health_type::notify || health->type == health_type::custom || !state.with->io)
    return;
  auto order = std::make_shared<health_order>();
  order->spec = guards.spec;
  order->id = state.id;
  order->started = state.started_at;
  order->pid = state.pid;
  order->paused = state.paused;
  order->settles = state.spec->ready.type == readiness_type::none && monotonic_now() - state.started_at < 1s;
  order->recorder = guards.checks;
  order->life = self->address();
  order->supervisor = caf::actor_cast<caf::actor_addr>(state.supervisor);
  auto checker = self->spawn<caf::linked>(health_checker, state.with, std::shared_ptr<const health_order>{order});
  guards.health = caf::actor_cast<caf::actor>(checker);
}

void begin_line(incarnation_ptr self) {
  auto& state = self->state;
  auto& guards = *state.guards;
  if (!guards.spec->jidoka || guards.spec->jidoka->invariants.empty())
    return;
  line_order order{guards.spec, state.pid, state.restarts, state.paused};
  guards.line = caf::actor_cast<caf::actor>(self->spawn<caf::linked>(line_watcher, state.with, std::move(order)));
}

/// A guard that fails says nothing of the daemon, which goes on without it.
void guard_failed(incarnation_ptr self, const caf::error& why) {
  auto& state = self->state;
  tell_health(self, health_state::unknown);
  event what;
  what.kind = event_kind::health;
  what.daemon = state.spec->name;
  what.supervisor = state.spec->supervisor;
  what.incarnation = state.number;
  what.text = fmt::format("{}: is not checked any more: {}", state.spec->name, sentence(why));
  state.with->record(std::move(what));
}

void gates_ended(incarnation_ptr self, const caf::error& reason) {
  auto& state = self->state;
  state.guards->gates = nullptr;
  if (!reason) {
    if (!begin_hooks(self, hook_state::point::pre_start))
      launch(self);
    return;
  }
  auto end = end_of(reason, monotonic_now());
  state.guards->broken = std::move(end.broken);
  end_unlaunched(self, std::move(end.reason));
}

void guard_ended(incarnation_ptr self, const caf::exit_msg& ended) {
  auto& state = self->state;
  auto& guards = *state.guards;
  if (guards.gates && ended.source == guards.gates)
    return gates_ended(self, ended.reason);
  auto* guard = guards.health && ended.source == guards.health ? &guards.health
                : guards.line && ended.source == guards.line   ? &guards.line
                                                               : nullptr;
  if (guard == nullptr) {
    if (ended.reason == caf::exit_reason::user_shutdown) // else of a guard that was let go already
      self->quit(ended.reason);
    return;
  }
  *guard = nullptr;
  if (!is_life_end(ended.reason))
    return guard_failed(self, ended.reason);
  if (state.stopping || state.pid == 0)
    return;
  auto end = end_of(ended.reason, monotonic_now());
  state.because = std::move(end.reason);
  guards.broken = std::move(end.broken);
  began_stopping(self, {});
}

void listen_to_guards(incarnation_ptr self) {
  self->set_exit_handler([self](caf::exit_msg& ended) { guard_ended(self, ended); });
}

} // namespace

void tell_health(incarnation_ptr self, health_state now) {
  self->send(self->state.supervisor, life_note{life_note::kind::health, self->state.pid, {}, now});
}

bool begin_gates(incarnation_ptr self) {
  auto& state = self->state;
  auto& jidoka = state.spec->jidoka;
  if (!state.guards || !jidoka || jidoka->pre_start.empty() || !state.with->io)
    return false;
  listen_to_guards(self);
  state.guards->gates = caf::actor_cast<caf::actor>(self->spawn<caf::linked>(gate_runner, state.with, state.spec));
  return true;
}

bool leave_gates(incarnation_ptr self) {
  auto& state = self->state;
  if (!state.guards || !state.guards->gates)
    return false;
  let_go(self, state.guards->gates); // and with it the command that runs
  end_unlaunched(self, state.because.value_or(exit_reason::spawn("stopped before it was started")));
  return true;
}

void begin_guards(incarnation_ptr self) {
  if (!self->state.guards)
    return;
  listen_to_guards(self);
  begin_health(self);
  begin_line(self);
}

void pause_guards(incarnation_ptr self, bool pause) {
  if (!self->state.guards)
    return;
  for (auto* guard : {&self->state.guards->health, &self->state.guards->line}) {
    if (*guard && pause)
      caf::anon_send(*guard, pause_atom::value);
    else if (*guard)
      caf::anon_send(*guard, resume_atom::value);
  }
}

void end_guards(incarnation_ptr self) {
  if (!self->state.guards)
    return;
  let_go(self, self->state.guards->health);
  let_go(self, self->state.guards->line);
}

void became_unwell(incarnation_ptr self, std::string why) {
  auto& state = self->state;
  auto* health = state.guards && state.guards->spec->health ? &*state.guards->spec->health : nullptr;
  auto action = health != nullptr ? health->on_unhealthy : unhealthy_action::restart;
  if (action == unhealthy_action::report) {
    if (!std::exchange(state.guards->silent, true))
      self->send(state.supervisor, life_note{life_note::kind::health, 0, "unhealthy: " + why, health_state::unhealthy});
    return;
  }
  if (action == unhealthy_action::stop_line) {
    violation broken{
      violation_kind::health, "health_check", why, fmt::format("see what it says: duende logs {}", state.spec->name)};
    state.guards->broken = std::make_shared<const violations>(violations{std::move(broken)});
    state.because = exit_reason{exit_cause::policy, 0, false, std::move(why)};
  } else {
    state.because = exit_reason::health(std::move(why));
  }
  began_stopping(self, {});
}

void became_well(incarnation_ptr self) {
  auto& state = self->state;
  if (state.guards && std::exchange(state.guards->silent, false))
    self->send(state.supervisor, life_note{life_note::kind::health, 0, "healthy again", health_state::healthy});
}

void change_guards(incarnation_ptr self, const policy_change& change) {
  auto& state = self->state;
  const bool any = has_guards(*change.spec);
  if (!state.guards && !any)
    return;
  if (!state.guards)
    state.guards = std::make_unique<guard_state>();
  auto& guards = *state.guards;
  auto before = std::exchange(guards.spec, change.spec);
  if (change.checks)
    guards.checks = change.checks;
  if (!before)
    before = state.spec;
  if (!state.ready || state.stopping)
    return; // what begins later begins with these
  listen_to_guards(self);
  if (!(before->health == guards.spec->health)) {
    let_go(self, guards.health);
    tell_health(self, guards.spec->health ? health_state::unknown : health_state::healthy);
    begin_health(self);
  }
  static const std::vector<invariant_spec> none;
  auto rules = [](const daemon_spec& of) -> auto& { return of.jidoka ? of.jidoka->invariants : none; };
  if (rules(*before) != rules(*guards.spec)) {
    let_go(self, guards.line);
    begin_line(self);
  }
}

} // namespace duende
