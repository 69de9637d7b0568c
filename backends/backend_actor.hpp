// The interface of every backend actor, and of those that it reports to.
#pragma once

#include "backends/backend.hpp"
#include "core/messages.hpp"

#include <caf/typed_actor.hpp>

#include <memory>

namespace duende {

/// What a backend tells the incarnation it launched or adopted. Messages for an ended incarnation go nowhere.
using launch_listener = caf::typed_actor<
  caf::reacts_to<launched>,       // exec succeeded
  caf::reacts_to<launch_failure>, // nothing runs
  caf::reacts_to<process_exit>,   // the end
  caf::reacts_to<run_change>>;    // stopped or continued, by whomever

using listen_list_ptr = std::shared_ptr<const std::vector<std::string>>;
using launch_request_ptr = std::shared_ptr<const launch_request>;

using backend_actor = caf::typed_actor<
  caf::reacts_to<launch_atom, launch_request_ptr, launch_listener>,
  // (id, incarnation): route its notices to that listener, also those that came before; it runs already. Without a listener
  // it is forgotten as soon as it has ended
  caf::reacts_to<adopt_atom, uuid, std::uint32_t, launch_listener>,
  caf::reacts_to<signal_atom, uuid, std::uint32_t, int, signal_scope>,
  // (id, incarnation, record): replaces the record kept with the child
  caf::reacts_to<record_atom, uuid, std::uint32_t, std::string>,
  caf::reacts_to<main_pid_atom, uuid, std::uint32_t, std::int32_t>,
  // the exit of that daemon is written down: drop it and its channels
  caf::reacts_to<forget_atom, uuid>,
  // sockets that are held and not among these are closed
  caf::reacts_to<retain_atom, listen_list_ptr>,
  // that daemon is down to stay: the descriptors that it left to its next life are closed
  caf::reacts_to<retain_atom, uuid>,
  // from the platform
  caf::reacts_to<launched>, caf::reacts_to<launch_failure>, caf::reacts_to<process_exit>, caf::reacts_to<run_change>>;

} // namespace duende

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::launched)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::launch_failure)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::process_exit)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::run_change)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::launch_request_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::listen_list_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::signal_scope)
