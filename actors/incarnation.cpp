#include "actors/incarnation_state.hpp"

#include "actors/accounts.hpp"
#include "actors/launch.hpp"
#include "core/crash_point.hpp"
#include "core/units.hpp"

#include <caf/send.hpp>

#include <csignal>

namespace duende {

namespace {

launch_listener as_listener(incarnation_ptr self) {
  return caf::actor_cast<launch_listener>(caf::actor_cast<caf::strong_actor_ptr>(self));
}

/// A start that hangs before its exec was not announced and has no pid here yet; the keeper knows it, and SIGKILL ends it.
void signal_daemon(incarnation_ptr self, int number, signal_scope scope) {
  auto& state = self->state;
  if (state.pid != 0 || number == SIGKILL)
    self->send(state.with->native, signal_atom::value, state.id, state.number, number, scope);
}

} // namespace

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
        if (!begin_hooks(self, hook_state::point::pre_start))
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
    }};
}

incarnation_behavior running(incarnation_ptr self) {
  return {
    [=](stop_atom, const stop_order& order) { began_stopping(self, order); },
    [=](pause_atom) { signal_daemon(self, SIGSTOP, signal_scope::group); },
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
    }};
}

incarnation_behavior paused(incarnation_ptr self) {
  return {
    [=](stop_atom, const stop_order& order) { began_stopping(self, order); },
    [=](pause_atom) {},
    [=](resume_atom) { signal_daemon(self, SIGCONT, signal_scope::group); },
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
    }};
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
    }};
}

void end_process(incarnation_ptr self, bool at_once) {
  auto& state = self->state;
  if (state.hooks)
    state.hooks->stopped = state.hooks->signaled = true;
  crash_point("incarnation.before_stop_signal");
  if (at_once) {
    signal_daemon(self, SIGKILL, signal_scope::group);
  } else {
    signal_daemon(self, state.spec->stop_signal, signal_scope::group);
    if (state.paused)
      signal_daemon(self, SIGCONT, signal_scope::group); // a stopped process hears nothing else
    set_alarm(self, alarm::shutdown_timeout, state.spec->shutdown_timeout);
  }
  crash_point("incarnation.after_stop_signal");
}

void launch(incarnation_ptr self) {
  auto& state = self->state;
  self->become(starting(self));
  auto request = make_launch(*state.with, *state.spec, state.id, state.number, std::move(state.record));
  if (!request) {
    end_unlaunched(self, exit_reason::spawn(sentence(request.error())));
    return;
  }
  if (!enter_groups(self, **request))
    return;
  crash_point("incarnation.before_launch");
  self->send(state.with->native, launch_atom::value, launch_request_ptr{std::move(*request)}, as_listener(self));
  crash_point("incarnation.after_launch");
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
  if (begin_hooks(self, hook_state::point::pre_start))
    return preparing(self);
  launch(self);
  return starting(self);
}

} // namespace duende
