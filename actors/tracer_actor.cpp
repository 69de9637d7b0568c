#include "actors/tracer_actor.hpp"

namespace duende {
namespace {

caf::result<void> admit(tracer_state& state, const trace_wanted& order) {
  if (state.running.contains(order.id))
    return fail(errc::wrong_state, "'{}' is being traced already: wait for the end of that", order.name);
  if (state.running.size() >= process_tracer::most_traces)
    return fail(
      errc::limit_reached, "cannot trace '{}': {} traces go on, that is the limit", order.name, state.running.size());
  state.running.insert(order.id);
  return caf::unit;
}

} // namespace

caf::behavior tracer(caf::stateful_actor<tracer_state>* self, const std::shared_ptr<process_tracer::shared>& with) {
  self->state.with = with;
  return {
    [=](const trace_wanted& order) { return admit(self->state, order); },
    [=](const trace_over& done) { self->state.running.erase(done.id); },
    [=](const trace_found& what) { ++self->state.with->found[static_cast<std::size_t>(what.kind)]; }};
}

} // namespace duende
