// From what is asked for to what the backend needs: users to numbers, names to paths, the complete environment.
#pragma once

#include "actors/services.hpp"
#include "core/spec.hpp"

#include <caf/expected.hpp>

namespace duende {

/// Everything resolved for one start. Looks at the file system; starts nothing. Users are those
/// of `with.users`; where that does not know them yet it waits for the look-up.
/// Errors: spawn_failed "cannot find 'postgres' in PATH (/usr/bin:/bin)", "no such user 'postgres'", ...
caf::expected<std::shared_ptr<launch_request>> make_launch(
  const services& with, const daemon_spec& spec, const uuid& id, std::uint32_t incarnation, std::string record);

/// A command beside the daemon: its user, environment (`more` added), folder and limits; what it prints goes where the daemon's does.
caf::expected<std::shared_ptr<launch_request>> make_hook_launch(
  const services& with, const daemon_spec& spec, const uuid& id, const std::vector<std::string>& words,
  const std::vector<std::string>& more);

/// The environment of a daemon: inherited names, then its own, then what duende adds (NOTIFY_SOCKET, WATCHDOG_USEC).
std::vector<std::string> make_environment(const services& with, const daemon_spec& spec, const uuid& id);

/// TRACEPARENT and TRACESTATE of the operation, unless the daemon has its own or there is none.
void add_trace(std::vector<std::string>& env, const daemon_spec& spec, const trace_ptr& operation);

/// Whether it runs as somebody else than the node.
bool changes_user(const daemon_spec& spec);

/// Whether the daemon talks over a notify socket: to say that it is ready or alive, or to leave descriptors behind.
bool uses_notify(const daemon_spec& spec);

} // namespace duende
