// What process_tracer and its actor share. Private to tracer*.cpp.
#pragma once

#include "actors/tracer.hpp"
#include "core/messages.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <set>
#include <string>

namespace duende {

struct process_tracer::shared {
  std::array<std::atomic<std::uint64_t>, anomaly_kind_count> found{};
};

/// May that daemon be traced now?
struct trace_wanted {
  uuid id;
  std::string name;
};
struct trace_over {
  uuid id;
};
struct trace_found {
  anomaly_kind kind;
};

struct tracer_state {
  static constexpr const char* name = "duende.tracer";

  std::shared_ptr<process_tracer::shared> with;
  std::set<uuid> running;
};

caf::behavior tracer(caf::stateful_actor<tracer_state>* self, const std::shared_ptr<process_tracer::shared>& with);

} // namespace duende

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::trace_wanted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::trace_over)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::trace_found)
