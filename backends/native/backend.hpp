// The native backend: plain processes, through the keeper.
#pragma once

#include "backends/backend_actor.hpp"
#include "backends/native/link.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>

namespace duende {

struct native_state {
  static constexpr const char* name = "duende.native";

  struct route {
    std::uint32_t incarnation = 0;
    launch_listener to;
  };
  std::shared_ptr<keeper_link> link;
  std::unordered_map<uuid, route> routes; ///< who hears of a daemon; gone with its exit

  /// What was told of a daemon that nobody hears of yet: a node that comes back hears of ends before its tree stands. Each is
  /// about something that the keeper holds, until its next launch or until it is forgotten.
  struct unheard {
    std::optional<launch_failure> failure;
    std::optional<process_exit> exit;
    std::optional<run_change> change; ///< the last one
  };
  std::unordered_map<uuid, unheard> kept;
};

/// Gives the link to the keeper, making it where there is none yet. Errors are answered as launch failures.
using link_source = std::function<caf::expected<std::shared_ptr<keeper_link>>()>;

/// Turns requests into packets and packets into messages. The owner of the link forwards its calls (link_events) to this actor.
backend_actor::behavior_type native_backend(backend_actor::stateful_pointer<native_state> self, link_source source);

} // namespace duende
