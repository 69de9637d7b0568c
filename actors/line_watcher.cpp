#include "actors/line_watcher.hpp"

#include "monitors/usage/usage.hpp"
#include "policies/gates.hpp"

#include <caf/send.hpp>

namespace duende {

namespace {

using line_pointer = line_watcher_actor::stateful_pointer<line_watcher_state>;
constexpr duration look_every = 1s;

void look_again(line_pointer self) {
  self->state.with->after(look_every, [to = self->address(), generation = ++self->state.generation] {
    if (auto target = caf::actor_cast<caf::actor>(to))
      caf::anon_send(target, look_now{generation});
  });
}

/// None where it is not known now.
std::optional<double>
value_of(std::string_view metric, const process_usage_now& now, std::optional<double> cpu, std::uint64_t restarts) {
  if (metric == "memory_bytes")
    return static_cast<double>(now.resident_bytes);
  if (metric == "cpu_percent")
    return cpu;
  if (metric == "open_fds")
    return now.open_fds ? std::optional<double>(*now.open_fds) : std::nullopt;
  if (metric == "threads")
    return now.threads;
  if (metric == "restarts")
    return static_cast<double>(restarts);
  return std::nullopt;
}

void look(line_pointer self) {
  auto& state = self->state;
  auto used = read_usage(state.order.pid);
  if (!used)
    return look_again(self); // it is ending, or another process is about to be its main one
  auto now = monotonic_now();
  std::optional<double> cpu;
  if (state.cpu && now > state.looked)
    cpu = 100.0 * std::chrono::duration<double>(used->user + used->system - *state.cpu).count()
          / std::chrono::duration<double>(now - state.looked).count();
  state.cpu = used->user + used->system;
  state.looked = now;
  violations broken;
  for (auto& rule : state.rules)
    if (auto value = value_of(rule.rule().metric, *used, cpu, state.order.restarts))
      if (auto found = rule.observe(*value, now))
        broken.push_back(std::move(*found));
  if (broken.empty())
    return look_again(self);
  life_end end;
  end.reason = {exit_cause::policy, 0, false, summary(broken)};
  end.broken = std::make_shared<const violations>(std::move(broken));
  self->quit(as_error(std::move(end)));
}

void look_away(line_watcher_state& state) {
  ++state.generation;
  state.cpu.reset();
  for (auto& rule : state.rules)
    rule.reset();
}

} // namespace

line_watcher_actor::behavior_type line_watcher(line_pointer self, services_ptr with, line_order order) {
  auto& state = self->state;
  state.with = std::move(with);
  state.order = std::move(order);
  for (auto& each : state.order.spec->jidoka->invariants)
    state.rules.emplace_back(each);
  self->set_exception_handler(
    [](caf::scheduled_actor*, std::exception_ptr& what) -> caf::error { return exception_error(what); });
  if (!state.order.paused)
    look_again(self);
  return {
    [=](pause_atom) { look_away(self->state); },
    [=](resume_atom) {
      look_away(self->state);
      look_again(self);
    },
    [=](look_now now) {
      if (now.generation == self->state.generation)
        look(self);
    }};
}

} // namespace duende
