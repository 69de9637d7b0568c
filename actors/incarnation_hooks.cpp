// Hooks: commands around a daemon's life, children of the keeper with an identity of their own. One list runs at a time, one
// command after another; what follows a list is decided where it ends. What a dead node left running of them its successor ends,
// and the step begins again: a hook may run twice, a daemon never does.
#include "actors/incarnation_state.hpp"
#include "actors/launch.hpp"
#include "core/event.hpp"
#include "core/units.hpp"
#include "core/words.hpp"

#include <caf/send.hpp>

#include <array>
#include <csignal>

namespace duende {
namespace {

using point = hook_state::point;

constexpr std::uint32_t hook_number = 1; ///< a hook has no other incarnation

constexpr auto hook_names =
  std::to_array<std::string_view>({"", "pre_start", "post_start", "pre_stop", "post_stop", "on_give_up", "reload"});

std::string_view hook_name(point at) { return hook_names[static_cast<std::size_t>(at)]; }

const std::vector<hook_command>& commands_of(const hook_spec& spec, point at) {
  static const std::vector<hook_command> none;
  switch (at) {
    case point::none: break;
    case point::pre_start: return spec.pre_start;
    case point::post_start: return spec.post_start;
    case point::pre_stop: return spec.pre_stop;
    case point::post_stop: return spec.post_stop;
    case point::on_give_up: return spec.on_give_up;
    case point::reload: return spec.reload;
  }
  return none;
}

/// The rest of the list is pointless once one has failed there.
bool ends_at_failure(point at) { return at == point::pre_start || at == point::post_start || at == point::reload; }

const hook_command& present(incarnation_ptr self) {
  auto& state = self->state;
  return commands_of(*state.spec->hooks, state.hooks->at)[state.hooks->next];
}

std::vector<std::string> variables(const incarnation_state& state) {
  auto& hooks = *state.hooks;
  std::vector<std::string> result = {
    "DUENDE_NAME=" + state.spec->name, fmt::format("DUENDE_HOOK={}", hook_name(hooks.at)),
    "DUENDE_CAUSE=" + hooks.cause, fmt::format("DUENDE_RESTARTS={}", hooks.restarts)};
  if (state.pid != 0)
    result.push_back(fmt::format("DUENDE_PID={}", state.pid));
  add_trace(result, *state.spec, state.trace);
  return result;
}

void record_failure(incarnation_ptr self, const std::string& text) {
  auto& state = self->state;
  event what;
  what.kind = event_kind::policy;
  what.daemon = state.spec->name;
  what.supervisor = state.spec->supervisor;
  what.incarnation = state.number;
  what.text = fmt::format("{}: {}", state.spec->name, text);
  state.with->record(std::move(what));
}

/// All of the list has run, or what is left of it is not wanted: what comes next.
void hooks_over(incarnation_ptr self) {
  auto& state = self->state;
  auto& hooks = *state.hooks;
  auto at = std::exchange(hooks.at, point::none);
  bool canceled = std::exchange(hooks.canceled, false);
  auto failure = std::exchange(hooks.failure, {});
  if (hooks.end) { // the process has gone
    if (at == point::post_stop || !begin_hooks(self, point::post_stop))
      self->quit(as_error(std::move(*hooks.end)));
  } else if (at == point::on_give_up) {
    self->quit();
  } else if (at == point::pre_start) {
    if (state.stopping)
      end_unlaunched(self, state.because.value_or(exit_reason::spawn("stopped during pre_start")));
    else if (!failure.empty())
      end_unlaunched(self, exit_reason::spawn(std::move(failure)));
    else
      launch(self);
  } else if (state.stopping) {
    if (!begin_pre_stop(self) && !hooks.signaled)
      end_process(self, state.at_once);
  } else if (at == point::post_start && !canceled) {
    tell(self, life_note::kind::post_started);
  } else if (at == point::reload) {
    tell(self, life_note::kind::reloaded, canceled ? "it was interrupted" : failure);
  }
}

/// The next command, or the end of the list.
void run_next(incarnation_ptr self) {
  auto& state = self->state;
  auto& hooks = *state.hooks;
  for (;; ++hooks.next) {
    auto& list = commands_of(*state.spec->hooks, hooks.at);
    bool enough = hooks.canceled || (!hooks.failure.empty() && ends_at_failure(hooks.at));
    if (enough || hooks.next >= list.size())
      return hooks_over(self);
    auto request = make_hook_launch(*state.with, *state.spec, state.id, list[hooks.next].words, variables(state));
    if (request) {
      (*request)->record =
        fmt::format("hook {} {}\n{}", hook_name(hooks.at), state.spec->name, hooks.cause.substr(0, 2048));
      hooks.id = (*request)->id;
      hooks.overran = false;
      self->send(
        state.with->native, launch_atom::value, launch_request_ptr{std::move(*request)},
        caf::actor_cast<launch_listener>(caf::actor_cast<caf::strong_actor_ptr>(self)));
      auto timeout = list[hooks.next].timeout.value_or(state.spec->hooks->timeout);
      state.with->after(timeout, [to = self->address(), generation = ++hooks.generation] {
        if (auto target = caf::actor_cast<caf::actor>(to))
          caf::anon_send(target, alarm::hook_timeout, generation);
      });
      return;
    }
    auto text =
      fmt::format("{} '{}': {}", hook_name(hooks.at), join_words(list[hooks.next].words), sentence(request.error()));
    record_failure(self, text);
    if (hooks.failure.empty())
      hooks.failure = std::move(text);
  }
}

/// One command has ended; `problem` is empty where it did well.
void command_over(incarnation_ptr self, std::string problem) {
  auto& state = self->state;
  auto& hooks = *state.hooks;
  self->send(state.with->native, forget_atom::value, hooks.id);
  hooks.id = {};
  ++hooks.generation;
  if (hooks.overran)
    problem =
      fmt::format("timed out after {}", format_duration(present(self).timeout.value_or(state.spec->hooks->timeout)));
  if (!problem.empty() && !hooks.canceled) {
    auto text = fmt::format("{} '{}': {}", hook_name(hooks.at), join_words(present(self).words), problem);
    if (hooks.at != point::pre_start) // that one's failure is the reason of an end
      record_failure(self, text);
    if (hooks.failure.empty())
      hooks.failure = std::move(text);
  }
  ++hooks.next;
  run_next(self);
}

} // namespace

bool hooks_run(incarnation_ptr self) { return self->state.hooks && self->state.hooks->at != point::none; }

bool begin_hooks(incarnation_ptr self, point at) {
  auto& state = self->state;
  if (!state.hooks || commands_of(*state.spec->hooks, at).empty())
    return false;
  auto& hooks = *state.hooks;
  hooks.at = at;
  hooks.next = 0;
  hooks.canceled = false;
  hooks.failure.clear();
  run_next(self);
  return true;
}

bool begin_pre_stop(incarnation_ptr self) {
  auto& state = self->state;
  if (!state.hooks || !state.asked || state.at_once || state.pid == 0 || std::exchange(state.hooks->stopped, true))
    return false;
  return begin_hooks(self, point::pre_stop);
}

void reload(incarnation_ptr self) {
  if (hooks_run(self))
    tell(self, life_note::kind::reloaded, "another of its hooks runs");
  else if (!begin_hooks(self, point::reload)) // `apply` has given it one
    tell(self, life_note::kind::reloaded, "its reload hook takes effect with its next start");
}

void leave(incarnation_ptr self, life_end end) {
  auto& state = self->state;
  end_guards(self);
  if (!state.hooks || (!hooks_run(self) && state.spec->hooks->post_stop.empty())) {
    self->quit(as_error(std::move(end)));
    return;
  }
  ++state.alarm_generation;
  state.waiting.reset();
  state.pid = 0;
  state.hooks->cause = to_string(end.reason);
  state.hooks->end = std::move(end);
  self->become(finishing(self));
  tell(self, life_note::kind::stopping);
  if (hooks_run(self))
    cancel_hooks(self, SIGKILL);
  else
    begin_hooks(self, point::post_stop);
}

void cancel_hooks(incarnation_ptr self, int number) {
  auto& state = self->state;
  if (!hooks_run(self))
    return;
  state.hooks->canceled = true;
  if (!state.hooks->id.nil())
    self->send(state.with->native, signal_atom::value, state.hooks->id, hook_number, number, signal_scope::group);
}

bool hook_launched(incarnation_ptr self, const launched& process) { return process.id != self->state.id; }

bool hook_failed(incarnation_ptr self, const launch_failure& failure) {
  if (failure.id == self->state.id)
    return false;
  if (self->state.hooks && failure.id == self->state.hooks->id)
    command_over(self, failure.text);
  return true;
}

bool hook_ended(incarnation_ptr self, const process_exit& exit) {
  if (exit.id == self->state.id)
    return false;
  if (self->state.hooks && exit.id == self->state.hooks->id)
    command_over(self, exit.status == 0 ? "" : to_string(reason_of(exit)));
  return true;
}

bool hook_overran(incarnation_ptr self, alarm which, std::uint32_t generation) {
  if (which != alarm::hook_timeout)
    return false;
  auto& state = self->state;
  if (!hooks_run(self) || state.hooks->generation != generation || state.hooks->id.nil())
    return true;
  state.hooks->overran = true;
  self->send(state.with->native, signal_atom::value, state.hooks->id, hook_number, SIGKILL, signal_scope::group);
  return true;
}

namespace {

/// Nothing but hooks runs: all that is not a stop or from one of them concerns nobody.
incarnation_behavior only_hooks(incarnation_ptr self, void (*stop)(incarnation_ptr, const stop_order&)) {
  return {
    [=](stop_atom, const stop_order& order) { stop(self, order); },
    [=](pause_atom) {},
    [=](resume_atom) {},
    [=](reload_atom) {},
    [=](signal_atom, int) {},
    [=](const launched&) {},
    [=](const launch_failure& failure) { hook_failed(self, failure); },
    [=](const process_exit& exit) { hook_ended(self, exit); },
    [=](const run_change&) {},
    [=](const probe_note&) {},
    [=](const notify_note&) {},
    [=](alarm which, std::uint32_t generation) { hook_overran(self, which, generation); },
    [=](const policy_change& change) { change_guards(self, change); }};
}

void stop_before_launch(incarnation_ptr self, const stop_order& order) {
  auto& state = self->state;
  bool again = std::exchange(state.stopping, true);
  state.asked = true;
  if (order.because)
    state.because = order.because;
  tell(self, life_note::kind::stopping);
  if (leave_gates(self))
    return;
  cancel_hooks(self, order.at_once ? SIGKILL : SIGTERM);
  if (!again && !order.at_once) // it has its time to end, as a daemon has
    state.with->after(state.spec->shutdown_timeout, [to = self->address(), generation = state.hooks->generation] {
      if (auto target = caf::actor_cast<caf::actor>(to))
        caf::anon_send(target, alarm::hook_timeout, generation);
    });
}

void stop_after_end(incarnation_ptr self, const stop_order& order) {
  if (order.at_once)
    cancel_hooks(self, SIGKILL);
}

} // namespace

incarnation_behavior preparing(incarnation_ptr self) { return only_hooks(self, stop_before_launch); }

incarnation_behavior finishing(incarnation_ptr self) { return only_hooks(self, stop_after_end); }

} // namespace duende
