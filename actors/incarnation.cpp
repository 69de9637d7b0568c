#include "actors/incarnation_state.hpp"

#include "actors/accounts.hpp"
#include "actors/launch.hpp"
#include "core/units.hpp"

#include <caf/send.hpp>

#include <csignal>

namespace duende {

incarnation_behavior starting(incarnation_ptr self) {
  return {
    [=](stop_atom, const stop_order& order) {
      if (!self->state.awaits_account)
        return began_stopping(self, order);
      self->state.asked = true;
      end_unlaunched(self, order.because.value_or(exit_reason::spawn("stopped before it was started")));
    },
    [=](pause_atom) {},
    [=](resume_atom) {},
    [=](reload_atom) { tell(self, life_note::kind::reloaded, "it is starting"); },
    [=](signal_atom, int number) { signal_daemon(self, number, signal_scope::process); },
    [=](const launched& process) {
      if (self->state.pid != 0)
        main_process(self, process);
      else if (!hook_launched(self, process))
        became_launched(self, process);
    },
    [=](const launch_failure& failure) {
      if (!hook_failed(self, failure))
        end_unlaunched(self, exit_reason::spawn(failure.text));
    },
    [=](const process_exit& exit) {
      if (!hook_ended(self, exit))
        end_life(self, exit);
    },
    [=](const run_change& change) { self->state.paused = change.stopped; },
    [=](const probe_note& note) {
      if (note.ok)
        became_ready(self);
    },
    [=](const notify_note& note) { heard(self, note); },
    [=](alarm which, std::uint32_t generation) {
      if (which == alarm::account_known && std::exchange(self->state.awaits_account, false)) {
        self->become(preparing(self));
        if (!begin_gates(self) && !begin_hooks(self, hook_state::point::pre_start))
          launch(self);
        return;
      }
      if (hook_overran(self, which, generation))
        return;
      if (which != alarm::ready_timeout || generation != self->state.alarm_generation)
        return;
      auto& state = self->state;
      auto why = state.waiting ? state.waiting->last_failure() : std::string{};
      state.because = exit_reason::timeout(fmt::format(
        "not ready within {}{}{}", format_duration(state.spec->ready.timeout), why.empty() ? "" : ": ", why));
      began_stopping(self, {});
    },
    [=](const policy_change& change) { change_guards(self, change); }};
}

incarnation_behavior running(incarnation_ptr self) {
  return {
    [=](stop_atom, const stop_order& order) { began_stopping(self, order); },
    [=](pause_atom) {
      self->state.to_freeze = true; // once it is stopped: a frozen process does not hear the signal
      signal_daemon(self, SIGSTOP, signal_scope::group);
    },
    [=](resume_atom) {},
    [=](reload_atom) { reload(self); },
    [=](signal_atom, int number) { signal_daemon(self, number, signal_scope::process); },
    [=](const launched& process) { main_process(self, process); },
    [=](const launch_failure& failure) { // of a start that the node before this one began
      if (!hook_failed(self, failure))
        end_unlaunched(self, exit_reason::spawn(failure.text));
    },
    [=](const process_exit& exit) {
      if (!hook_ended(self, exit))
        end_life(self, exit);
    },
    [=](const run_change& change) {
      if (!change.stopped)
        return;
      self->state.paused = true;
      if (std::exchange(self->state.to_freeze, false))
        freeze_groups(self, true);
      pause_guards(self, true);
      self->become(paused(self));
      tell(self, life_note::kind::paused);
    },
    [=](const probe_note&) {},
    [=](const notify_note& note) { heard(self, note); },
    [=](alarm which, std::uint32_t generation) {
      if (
        !hook_overran(self, which, generation) && which == alarm::watchdog
        && generation == self->state.alarm_generation)
        watchdog_due(self);
    },
    [=](const policy_change& change) { change_guards(self, change); }};
}

incarnation_behavior paused(incarnation_ptr self) {
  return {
    [=](stop_atom, const stop_order& order) { began_stopping(self, order); },
    [=](pause_atom) {},
    [=](resume_atom) {
      freeze_groups(self, false);
      signal_daemon(self, SIGCONT, signal_scope::group);
    },
    [=](reload_atom) { tell(self, life_note::kind::reloaded, "it is paused"); },
    [=](signal_atom, int number) { signal_daemon(self, number, signal_scope::process); },
    [=](const launched& process) { main_process(self, process); },
    [=](const launch_failure& failure) { // of a start that the node before this one began
      if (!hook_failed(self, failure))
        end_unlaunched(self, exit_reason::spawn(failure.text));
    },
    [=](const process_exit& exit) {
      if (!hook_ended(self, exit))
        end_life(self, exit);
    },
    [=](const run_change& change) {
      if (change.stopped)
        return;
      self->state.last_ping = monotonic_now(); // nobody pings while stopped
      self->state.paused = false;
      pause_guards(self, false);
      self->become(running(self));
      tell(self, life_note::kind::resumed);
    },
    [=](const probe_note&) {},
    [=](const notify_note& note) { heard(self, note); },
    [=](alarm which, std::uint32_t generation) {
      if (
        !hook_overran(self, which, generation) && which == alarm::watchdog
        && generation == self->state.alarm_generation)
        set_alarm(self, alarm::watchdog, self->state.spec->watchdog->interval);
    },
    [=](const policy_change& change) { change_guards(self, change); }};
}

incarnation_behavior stopping(incarnation_ptr self) {
  return {
    [=](stop_atom, const stop_order& order) {
      self->state.asked = true; // also a failed start that is on its way out anyway
      if (order.at_once) {
        self->state.at_once = true; // also where the process is yet to come
        cancel_hooks(self, SIGKILL);
        end_process(self, true);
      }
    },
    [=](pause_atom) {},
    [=](resume_atom) {},
    [=](reload_atom) { tell(self, life_note::kind::reloaded, "it is stopping"); },
    [=](signal_atom, int number) { signal_daemon(self, number, signal_scope::process); },
    [=](const launched& process) {
      if (hook_launched(self, process) || process.pid == self->state.pid)
        return;
      self->state.pid = process.pid;
      self->state.started_at = monotonic_now();
      end_process(self, self->state.at_once);
    },
    [=](const launch_failure& failure) {
      if (!hook_failed(self, failure))
        end_unlaunched(self, exit_reason::spawn(failure.text));
    },
    [=](const process_exit& exit) {
      if (!hook_ended(self, exit))
        end_life(self, exit);
    },
    [=](const run_change& change) {
      self->state.paused = change.stopped;
      if (change.stopped)
        signal_daemon(self, SIGCONT, signal_scope::group); // the pause was on its way before the stop
    },
    [=](const probe_note&) {},
    [=](const notify_note& note) { heard(self, note); },
    [=](alarm which, std::uint32_t generation) {
      if (hook_overran(self, which, generation))
        return;
      if (which != alarm::shutdown_timeout || generation != self->state.alarm_generation)
        return;
      self->state.overran = true;
      signal_daemon(self, SIGKILL, signal_scope::group);
    },
    [=](const policy_change& change) { change_guards(self, change); }};
}

namespace {

incarnation_behavior adopt(incarnation_ptr self, const incarnation_order& order) {
  auto& state = self->state;
  state.pid = order.adopted->pid;
  state.started_at = order.adopted_started_at;
  state.ready = order.adopted_ready;
  state.paused = order.adopted_stopped;
  self->send(state.with->native, adopt_atom::value, state.id, state.number, as_listener(self));
  state.waiting = readiness::begin(as_actor(self), state.with, state.spec, state.id, state.number, order.record);
  if (!state.ready) {
    became_launched(self, *order.adopted);
    return !state.ready ? starting(self) : state.paused ? paused(self) : running(self);
  }
  if (state.spec->watchdog) {
    state.last_ping = monotonic_now();
    set_alarm(self, alarm::watchdog, state.spec->watchdog->interval);
  }
  begin_guards(self);
  if (!order.adopted_post_started)
    begin_hooks(self, hook_state::point::post_start);
  return state.paused ? paused(self) : running(self);
}

} // namespace

incarnation_behavior incarnation(
  incarnation_ptr self, services_ptr with, std::shared_ptr<incarnation_order> order, life_watcher supervisor) {
  auto& state = self->state;
  state.with = std::move(with);
  state.spec = order->spec;
  state.id = order->id;
  state.number = order->number;
  state.trace = std::move(order->trace);
  state.supervisor = std::move(supervisor);
  self->set_exception_handler([self](caf::scheduled_actor*, std::exception_ptr& what) -> caf::error {
    auto& s = self->state; // no process without an incarnation
    self->send(s.with->native, signal_atom::value, s.id, s.number, SIGKILL, signal_scope::group);
    cancel_hooks(self, SIGKILL);
    return exception_error(what);
  });
  if (state.spec->hooks) {
    state.hooks = std::make_unique<hook_state>();
    state.hooks->cause = std::move(order->cause);
    state.hooks->restarts = order->restarts;
  }
  state.restarts = order->restarts;
  if (has_guards(*state.spec)) {
    state.guards = std::make_unique<guard_state>();
    state.guards->spec = state.spec;
    state.guards->checks = std::move(order->checks);
  }
  if (order->given_up) {
    if (!begin_hooks(self, hook_state::point::on_give_up))
      self->quit();
    return finishing(self);
  }
  if (order->ended) {
    leave(self, std::move(*order->ended));
    return finishing(self);
  }
  if (order->adopted)
    return adopt(self, *order);
  state.started_at = monotonic_now();
  state.waiting = readiness::begin(as_actor(self), state.with, state.spec, state.id, state.number, order->record);
  state.record = std::move(order->record);
  auto* users = state.with->users;
  if (users && changes_user(*state.spec) && !users->found(state.spec->user, state.spec->group)) {
    state.awaits_account = true;
    users->learn(state.spec->user, state.spec->group, [to = self->address()] {
      if (auto target = caf::actor_cast<caf::actor>(to))
        caf::anon_send(target, alarm::account_known, std::uint32_t{0});
    });
    return starting(self);
  }
  if (begin_gates(self) || begin_hooks(self, hook_state::point::pre_start))
    return preparing(self);
  launch(self);
  return starting(self);
}

} // namespace duende
