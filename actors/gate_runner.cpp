#include "actors/gate_runner.hpp"

#include "actors/probe_launcher.hpp"
#include "policies/gates.hpp"

#include <caf/send.hpp>

namespace duende {

namespace {

using gates_pointer = gate_runner_actor::stateful_pointer<gate_runner_state>;

void gates_done(gates_pointer self) {
  auto& broken = self->state.broken;
  if (broken.empty())
    return self->quit();
  life_end end;
  end.reason = {exit_cause::policy, 0, false, summary(broken)};
  end.broken = std::make_shared<const violations>(std::move(broken));
  self->quit(as_error(std::move(end)));
}

void next_gate(gates_pointer self) {
  auto& state = self->state;
  auto& jidoka = *state.spec->jidoka;
  if (state.next >= jidoka.pre_start.size() || (jidoka.stop_on_first && !state.broken.empty()))
    return gates_done(self);
  auto& gate = jidoka.pre_start[state.next];
  state.output = std::make_shared<helper_output>();
  state.output->with_stderr = !gate.quality_json; // its last line is the evidence
  auto launch = probe_launcher(
    state.with, state.spec, {"DUENDE_NAME=" + state.spec->name, "DUENDE_GATE=" + gate.name}, state.output);
  auto done = [to = self->address()](probe_result result) {
    if (auto target = caf::actor_cast<caf::actor>(to))
      caf::anon_send(target, gate_over{std::move(result)});
  };
  state.running = start_exec_probe(*state.with->io, gate.exec, gate.timeout, std::move(launch), std::move(done));
}

void gate_ended(gates_pointer self, const probe_result& result) {
  auto& state = self->state;
  state.running.reset();
  auto& gate = state.spec->jidoka->pre_start[state.next];
  gate_outcome outcome;
  std::string output;
  {
    std::lock_guard lock{state.output->mutex};
    output = std::move(state.output->text);
    outcome.ended = state.output->end && state.output->end->cause == exit_cause::code;
    outcome.code = outcome.ended ? state.output->end->value : 0;
    outcome.text = outcome.ended ? to_string(*state.output->end) : result.text;
  }
  outcome.output = output;
  for (auto& each : judge_gate(gate, outcome))
    state.broken.push_back(std::move(each));
  ++state.next;
  next_gate(self);
}

} // namespace

gate_runner_actor::behavior_type gate_runner(gates_pointer self, services_ptr with, daemon_spec_ptr spec) {
  self->state.with = std::move(with);
  self->state.spec = std::move(spec);
  self->set_exception_handler(
    [](caf::scheduled_actor*, std::exception_ptr& what) -> caf::error { return exception_error(what); });
  next_gate(self);
  return {[=](const gate_over& over) { gate_ended(self, over.result); }};
}

} // namespace duende
