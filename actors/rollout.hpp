// Replaces instances one after another, so that enough of them serve all the time. Stops at the first that does not get ready.
#pragma once

#include "actors/node.hpp"

#include <caf/event_based_actor.hpp>

namespace duende {

struct rollout_order {
  std::string group;              ///< the name that the instances share
  std::vector<std::string> names; ///< which, in order
  /// What they become; none: each starts again as it is.
  std::map<std::string, daemon_spec_ptr> changes;
  std::function<void(const std::string&)> on_replaced{}; ///< called on the roll-out's thread after each
  std::uint32_t max_unavailable = 0;
  daemon_spec_ptr surge;              ///< helps out meanwhile and is tried first; null where some may be missing
  std::uint32_t patience_ms = 60'000; ///< for one instance to stop, start and get ready
  /// How long each must stay up before the next one is touched, where its readiness does not speak for itself.
  duration settle{};
};

/// How it ended.
struct rollout_report {
  std::vector<std::string> replaced;
  std::string failed; ///< the instance that did not get ready; empty: all did
  std::string cause;
};
using rollout_report_ptr = std::shared_ptr<const rollout_report>;

using rollout_done = std::function<void(rollout_report_ptr)>;

/// Works through `order` by messages to `node`; calls `done` on its own thread at the end, then ends.
caf::behavior
rollout(caf::event_based_actor* self, services_ptr with, node_actor node, rollout_order order, rollout_done done);

} // namespace duende

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::rollout_report_ptr)
