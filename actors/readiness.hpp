// How an incarnation learns that its daemon is ready: the probe that its configuration names, as messages to the actor.
#pragma once

#include "actors/services.hpp"
#include "core/spec.hpp"
#include "core/uuid.hpp"

#include <caf/actor.hpp>

#include <memory>
#include <string>

namespace duende {

class readiness_watch;

/// Owned by one incarnation; destruction cancels whatever is under way. Sends probe_note and notify_note to the actor.
class readiness {
public:
  /// Begins with what must listen before the process exists: log patterns, sd_notify and readiness descriptors.
  /// Null where the daemon needs nothing of the kind, now or later.
  static std::unique_ptr<readiness> begin(
    const caf::actor& to, services_ptr with, daemon_spec_ptr spec, const uuid& id, std::uint32_t incarnation,
    const std::string& record);
  ~readiness();

  /// The process runs: begins with what asks it (tcp, http, exec).
  void probe(const caf::actor& to);
  /// Readiness was reached; only what goes on mattering (sd_notify) goes on.
  void reached();
  /// Why the last attempt failed; empty where there was none.
  std::string last_failure() const;

private:
  readiness(services_ptr with, daemon_spec_ptr spec, const uuid& id);

  services_ptr with_;
  daemon_spec_ptr spec_;
  uuid id_;
  std::unique_ptr<readiness_watch> watch_;
};

} // namespace duende
