#include "actors/health_checker.hpp"

#include "actors/probe_launcher.hpp"
#include "policies/rate_limit.hpp"

#include <caf/send.hpp>

namespace duende {

void check_recorder::record(check_outcome outcome, duration took) {
  std::lock_guard lock{mutex_};
  seconds_[static_cast<std::size_t>(outcome)].observe(std::chrono::duration<double>(took).count());
}

void check_recorder::add_to(policy_counters& counters) const {
  std::lock_guard lock{mutex_};
  counters.check_seconds = seconds_;
}

namespace {

using health_pointer = health_checker_actor::stateful_pointer<health_checker_state>;

void check_after(health_pointer self, duration delay) {
  self->state.with->after(delay, [to = self->address(), generation = ++self->state.generation] {
    if (auto target = caf::actor_cast<caf::actor>(to))
      caf::anon_send(target, check_due{generation});
  });
}

void begin_check(health_pointer self) {
  auto& state = self->state;
  state.begun = monotonic_now();
  auto done = [to = self->address(), generation = ++state.generation](probe_result result) {
    if (auto target = caf::actor_cast<caf::actor>(to))
      caf::anon_send(target, check_over{generation, std::move(result)});
  };
  state.running = start_check(*state.with->io, state.spec(), state.means, std::move(done));
}

/// In the incarnation's name: its supervisor knows no other.
void tell_change(health_pointer self, health_state now, std::string text) {
  auto& state = self->state;
  auto from = caf::actor_cast<caf::strong_actor_ptr>(state.order->life);
  auto to = caf::actor_cast<caf::strong_actor_ptr>(state.order->supervisor);
  if (!text.empty() && !state.words.admit(monotonic_now())) {
    ++state.untold;
    text.clear();
  } else if (!text.empty() && state.untold > 0) {
    text += fmt::format(" ({} changes before it are not told)", std::exchange(state.untold, 0));
  }
  if (from && to)
    to->enqueue(
      from, caf::make_message_id(), caf::make_message(life_note{life_note::kind::health, 0, std::move(text), now}),
      nullptr);
}

void become_unhealthy(health_pointer self, std::string why) {
  life_end end;
  if (self->state.spec().on_unhealthy == unhealthy_action::restart) {
    end.reason = exit_reason::health(std::move(why));
  } else {
    violation broken{
      violation_kind::health, "health_check", why,
      fmt::format("see why it does not answer: duende logs {}", self->state.order->spec->name)};
    end.reason = {exit_cause::policy, 0, false, std::move(why)};
    end.broken = std::make_shared<const violations>(violations{std::move(broken)});
  }
  self->quit(as_error(std::move(end)));
}

/// From the begin of one check to the begin of the next; daemons that came up together are not checked together for ever.
duration until_next(health_checker_state& state, instant now) {
  auto interval = state.spec().interval;
  if (!std::exchange(state.spread, true))
    interval = interval / 2 + interval / 2048 * static_cast<std::int64_t>(std::hash<uuid>{}(state.order->id) % 1024);
  return std::max(duration::zero(), state.begun + interval - now);
}

void check_ended(health_pointer self, const probe_result& result) {
  auto& state = self->state;
  state.running.reset();
  if (result.permanent) { // says nothing of the daemon
    self->quit(fail(errc::unsupported, "{}", result.text));
    return;
  }
  auto now = monotonic_now();
  auto outcome = !result.ok                                         ? check_outcome::failed
                 : result.text == to_string(health_state::degraded) ? check_outcome::degraded
                                                                    : check_outcome::passed;
  if (state.order->recorder)
    state.order->recorder->record(outcome, now - state.begun);
  auto change = state.track->observe(outcome, now);
  auto text = explain(change, state.spec().retries, result.text);
  if (change.happened())
    tell_change(self, change.now, text);
  if (change.became_unhealthy() && state.spec().on_unhealthy != unhealthy_action::report)
    become_unhealthy(
      self, change.failures > 1 ? fmt::format("{} failures in a row: {}", change.failures, result.text) : result.text);
  else
    check_after(self, until_next(state, now));
}

void pause_checks(health_pointer self) {
  self->state.running.reset();
  ++self->state.generation;
}

} // namespace

health_checker_actor::behavior_type
health_checker(health_pointer self, services_ptr with, std::shared_ptr<const health_order> order) {
  auto& state = self->state;
  state.with = std::move(with);
  state.order = std::move(order);
  state.track.emplace(state.spec(), state.order->started);
  state.means.question = state.order->question;
  if (state.spec().type == health_type::exec)
    state.means.launch = probe_launcher(
      state.with, state.order->spec,
      {"DUENDE_NAME=" + state.order->spec->name, fmt::format("DUENDE_PID={}", state.order->pid)});
  self->set_exception_handler(
    [](caf::scheduled_actor*, std::exception_ptr& what) -> caf::error { return exception_error(what); });
  if (state.order->settles && !state.order->paused)
    check_after(self, std::min<duration>(state.spec().interval, 1s));
  else if (!state.order->paused)
    begin_check(self);
  return {
    [=](pause_atom) { pause_checks(self); },
    [=](resume_atom) {
      pause_checks(self); // one that is out belongs to the time before
      check_after(self, self->state.spec().interval);
    },
    [=](const check_due& due) {
      if (due.generation == self->state.generation)
        begin_check(self);
    },
    [=](const check_over& ended) {
      if (ended.generation == self->state.generation)
        check_ended(self, ended.result);
    }};
}

} // namespace duende
