// One life of one daemon: starting -> running <-> paused -> stopping -> its own end, with a typed reason.
//
//              launched, ready                 pause / SIGSTOP
//   starting ───────────────────▶ running ◀──────────────────────▶ paused
//      │                             │         resume / SIGCONT      │
//      │ stop                        │ stop                          │ stop
//      └───────────────▶ stopping ◀──┴───────────────────────────────┘
//                           │ exit
//                           ▼
//                     ends(life_end)
//
// The actor ends when the daemon ends; its error carries a life_end. Its supervisor monitors it and needs nothing else.
#pragma once

#include "actors/services.hpp"
#include "backends/backend_actor.hpp"
#include "core/errc.hpp"
#include "core/messages.hpp"
#include "core/spec.hpp"
#include "core/trace_context.hpp"
#include "monitors/probes/notify.hpp"
#include "policies/jidoka.hpp"

#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <memory>
#include <optional>
#include <string>

namespace duende {

struct supervisor_seed;
class check_recorder;

/// How an incarnation ended: the context of the error that its down message carries.
struct life_end {
  exit_reason reason;
  bool asked = false;    ///< the end was ordered by the supervisor
  bool launched = false; ///< there was a process at all
  bool was_ready = false;
  bool overran = false; ///< SIGKILL, after shutdown_timeout
  process_usage usage;  ///< of a process
  instant started_at{}, ended_at{};
  wall_time ended_wall{};
  std::shared_ptr<const violations> broken; ///< the line is to be stopped, for these
  std::shared_ptr<supervisor_seed> below;   ///< of a nested supervisor: what its next life begins with
};

/// The error that an incarnation quits with.
caf::error as_error(life_end end);
/// Whether it carries one.
bool is_life_end(const caf::error& reason);
/// The life_end in `reason`; any other error becomes a failure with its text.
life_end end_of(const caf::error& reason, instant now);

/// Why a process ended, as its wait status tells; `lost` where nobody could learn it.
exit_reason reason_of(const process_exit& exit);

/// What an exception that escaped a handler becomes.
caf::error exception_error(const std::exception_ptr& what);

/// What an incarnation tells its supervisor on the way.
struct life_note {
  /// `up`: launched and ready in one.
  /// `post_started`, `reloaded`: those hooks have run; `text` is what went wrong.
  enum class kind : std::uint8_t {
    launched,
    up,
    ready,
    paused,
    resumed,
    stopping,
    reloading,
    status,
    health,
    post_started,
    reloaded,
    main_pid, ///< another process is its main one from now on
    limit     ///< one of its limits is met, as `text` says
  };
  kind what = kind::status;
  std::int32_t pid = 0;
  std::string text;
  health_state health = health_state::unknown; ///< of kind::health
  std::string key;                             ///< of kind::limit: in [daemon.resources]
};

struct stop_order {
  bool at_once = false;               ///< SIGKILL instead of stop_signal
  std::optional<exit_reason> because; ///< reported as the reason of the end, whatever the process makes of it
};

/// Readiness as a probe sees it.
struct probe_note {
  bool ok = false;
  std::string text;
};

struct notify_note {
  notify_message message;
  std::int32_t sender = 0;
};

/// A timer of an incarnation's own.
enum class alarm : std::uint8_t { ready_timeout, shutdown_timeout, watchdog, hook_timeout, account_known };

/// How apply changes a life that goes on.
struct policy_change {
  daemon_spec_ptr spec;
  std::shared_ptr<check_recorder> checks;
};

/// What a supervisor hears from its children on the way; how they ended it learns from their down messages.
using life_watcher = caf::typed_actor<caf::reacts_to<life_note>>;

/// What every incarnation understands, whatever its daemon is.
using life_actor = caf::typed_actor<
  caf::reacts_to<stop_atom, stop_order>, caf::reacts_to<pause_atom>, caf::reacts_to<resume_atom>,
  caf::reacts_to<signal_atom, int>>;

/// The incarnation of a process.
using incarnation_actor = life_actor::extend<
  caf::reacts_to<reload_atom>, caf::reacts_to<launched>, caf::reacts_to<launch_failure>, caf::reacts_to<process_exit>,
  caf::reacts_to<run_change>, caf::reacts_to<probe_note>, caf::reacts_to<notify_note>,
  caf::reacts_to<alarm, std::uint32_t>,
  // other policies from now on, the rest with the next start
  caf::reacts_to<policy_change>>;

/// How a process incarnation comes to be.
struct incarnation_order {
  daemon_spec_ptr spec;
  uuid id;
  std::uint32_t number = 1;
  std::string record;              ///< kept by the keeper with the child
  std::optional<launched> adopted; ///< it runs already
  bool adopted_ready = false, adopted_stopped = false;
  instant adopted_started_at{};
  int ready_fd = -1;                      ///< of an adopted one
  std::shared_ptr<check_recorder> checks; ///< of a daemon with a health check
  std::uint64_t restarts = 0;
  trace_ptr trace; ///< of its start; null: it belongs to none
  // For hooks alone:
  std::string cause; ///< why it ended last, or was given up
  bool adopted_post_started = false;
  std::optional<life_end> ended; ///< it ended already: what is left is to say so, after post_stop
  bool given_up = false;         ///< runs on_give_up and nothing else
};

struct incarnation_state;
/// Spawn with `self->spawn<caf::monitored>(incarnation, ...)` from the supervisor, which gets the life_notes.
incarnation_actor::behavior_type incarnation(
  incarnation_actor::stateful_pointer<incarnation_state> self, services_ptr with,
  std::shared_ptr<incarnation_order> order, life_watcher supervisor);

} // namespace duende

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::life_end)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::policy_change)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::life_note)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::stop_order)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::probe_note)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::notify_note)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::alarm)
