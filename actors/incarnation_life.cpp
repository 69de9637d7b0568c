// The transitions of an incarnation: what happens on the way from one state to the next.
#include "actors/incarnation_state.hpp"

#include "actors/launch.hpp"
#include "core/crash_point.hpp"
#include "core/seccomp_library.hpp"
#include "core/units.hpp"

#include <caf/send.hpp>

#include <sys/wait.h>

#include <csignal>

namespace duende {

namespace {

/// The kernel kills for a system call by SIGSYS; where that would not have ended it, the keeper by SIGKILL.
std::string refused_call(const process_exit& exit) {
  if (exit.refused_call < 0)
    return WTERMSIG(exit.status) == SIGSYS ? "a seccomp filter refused a system call; which one could not be learnt"
                                           : "";
  auto name = system_call_name(exit.call_arch, exit.refused_call);
  return fmt::format(
    "system call {} is not allowed by its seccomp profile",
    name ? fmt::format("'{}'", *name) : fmt::format("{} of architecture {:#x}", exit.refused_call, exit.call_arch));
}

} // namespace

exit_reason reason_of(const process_exit& exit) {
  if (exit.status == unknown_status)
    return exit_reason::lost("it was adopted from a killed keeper, its exit code is not known");
  auto reason = exit_reason::from_wait_status(exit.status);
  if (reason.cause == exit_cause::signal)
    reason.detail = refused_call(exit);
  return reason;
}

void tell(incarnation_ptr self, life_note::kind what, std::string text) {
  self->send(self->state.supervisor, life_note{what, self->state.pid, std::move(text)});
}

void set_alarm(incarnation_ptr self, alarm which, duration delay) {
  // by the reactor's timers: CAF's clock wakes its thread for each delayed message
  self->state.with->after(delay, [to = self->address(), which, generation = ++self->state.alarm_generation] {
    if (auto target = caf::actor_cast<caf::actor>(to))
      caf::anon_send(target, which, generation);
  });
}

/// A start that hangs before its exec was not announced and has no pid here yet; the keeper knows it, and SIGKILL ends it.
void signal_daemon(incarnation_ptr self, int number, signal_scope scope) {
  auto& state = self->state;
  if (state.pid != 0 || number == SIGKILL)
    self->send(state.with->native, signal_atom::value, state.id, state.number, number, scope);
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
    if (state.paused) { // a stopped process hears nothing else
      freeze_groups(self, false);
      signal_daemon(self, SIGCONT, signal_scope::group);
    }
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
  add_trace((*request)->env, *state.spec, state.trace);
  if (!enter_groups(self, **request))
    return;
  crash_point("incarnation.before_launch");
  self->send(state.with->native, launch_atom::value, launch_request_ptr{std::move(*request)}, as_listener(self));
  crash_point("incarnation.after_launch");
}

void became_launched(incarnation_ptr self, const launched& process) {
  auto& state = self->state;
  state.pid = process.pid;
  if (state.started_at == instant{})
    state.started_at = monotonic_now();
  if (state.spec->ready.type == readiness_type::none || state.early_ready)
    return became_ready(self, life_note::kind::up);
  tell(self, life_note::kind::launched);
  state.waiting->probe(as_actor(self));
  set_alarm(self, alarm::ready_timeout, state.spec->ready.timeout);
}

void main_process(incarnation_ptr self, const launched& process) {
  auto& state = self->state;
  if (hook_launched(self, process) || process.pid == state.pid)
    return;
  state.pid = process.pid;
  tell(self, life_note::kind::main_pid);
}

void became_ready(incarnation_ptr self, life_note::kind told) {
  auto& state = self->state;
  if (state.pid == 0)
    state.early_ready = true; // it was faster than the word of its launch
  if (state.ready || state.pid == 0 || state.stopping)
    return;
  state.ready = true;
  ++state.alarm_generation;
  if (state.waiting)
    state.waiting->reached();
  if (state.spec->watchdog) {
    state.last_ping = monotonic_now();
    set_alarm(self, alarm::watchdog, state.spec->watchdog->interval);
  }
  begin_guards(self);
  self->become(state.paused ? paused(self) : running(self));
  tell(self, told);
  if (state.paused) // somebody stopped it while it started
    tell(self, life_note::kind::paused);
  begin_hooks(self, hook_state::point::post_start);
}

void began_stopping(incarnation_ptr self, const stop_order& order) {
  auto& state = self->state;
  if (!state.because) { // else it is our own decision: a failed start, a silent watchdog
    state.asked = true;
    state.because = order.because;
  }
  state.stopping = true;
  state.at_once = order.at_once;
  ++state.alarm_generation;
  end_guards(self);
  self->become(stopping(self));
  tell(self, life_note::kind::stopping);
  if (hooks_run(self)) // then what follows does so when they are over
    cancel_hooks(self, SIGKILL);
  if (order.at_once || !state.hooks || (!hooks_run(self) && !begin_pre_stop(self)))
    end_process(self, order.at_once);
}

void watchdog_due(incarnation_ptr self) {
  auto& state = self->state;
  auto interval = state.spec->watchdog->interval;
  auto silent = monotonic_now() - state.last_ping;
  if (silent < interval) {
    set_alarm(self, alarm::watchdog, interval - silent);
    return;
  }
  set_alarm(self, alarm::watchdog, interval); // overtaken where it is stopped now
  became_unwell(self, fmt::format("no WATCHDOG=1 for {}", format_duration(interval)));
}

void heard(incarnation_ptr self, const notify_note& note) {
  auto& state = self->state;
  auto& message = note.message;
  if (message.main_pid)
    self->send(
      state.with->native, main_pid_atom::value, state.id, state.number, static_cast<std::int32_t>(*message.main_pid));
  if (message.status)
    tell(self, life_note::kind::status, *message.status);
  if (message.watchdog) {
    state.last_ping = monotonic_now();
    became_well(self);
  }
  if (message.watchdog_trigger && state.ready && !state.stopping) {
    became_unwell(self, "the daemon asked for it by WATCHDOG=trigger");
    if (state.stopping)
      return;
  }
  if (message.reloading)
    tell(self, life_note::kind::reloading);
  if (message.ready && state.spec->ready.type == readiness_type::notify)
    became_ready(self);
}

void end_life(incarnation_ptr self, const process_exit& exit) {
  auto& state = self->state;
  life_end end;
  end.reason = reason_of(exit);
  if (state.because) {
    end.reason = *state.because;
  } else if (state.overran) {
    end.reason.detail = fmt::format("did not stop within {}", format_duration(state.spec->shutdown_timeout));
  }
  if (state.guards)
    end.broken = state.guards->broken;
  end.asked = state.asked;
  end.overran = state.overran;
  end.usage = exit.usage;
  end.launched = true;
  end.was_ready = state.ready;
  end.started_at = exit.started_at == instant{} ? state.started_at : exit.started_at;
  end.ended_at = exit.ended_at;
  end.ended_wall = exit.ended_wall;
  leave(self, std::move(end));
}

void end_unlaunched(incarnation_ptr self, exit_reason reason) {
  auto& state = self->state;
  life_end end;
  end.reason = std::move(reason);
  if (state.guards)
    end.broken = state.guards->broken;
  end.asked = state.asked;
  end.started_at = state.started_at;
  end.ended_at = monotonic_now();
  end.ended_wall = wall_now();
  leave(self, std::move(end));
}

} // namespace duende
