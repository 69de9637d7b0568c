// The health checker: one for each incarnation with a check, linked to it. Asks, never twice at a time, and tells what changed;
// where the daemon becomes unhealthy it ends, and with it the incarnation.
#pragma once

#include "actors/incarnation.hpp"
#include "core/status.hpp"
#include "monitors/probes/check.hpp"
#include "policies/health.hpp"
#include "policies/rate_limit.hpp"

#include <array>
#include <mutex>
#include <optional>

namespace duende {

/// How long checks took, over all lives of a daemon. Thread-safe.
class check_recorder {
public:
  void record(check_outcome outcome, duration took);
  void add_to(policy_counters& counters) const;

private:
  mutable std::mutex mutex_;
  std::array<histogram, check_outcome_count> seconds_;
};

struct health_order {
  daemon_spec_ptr spec; ///< with a health_spec
  uuid id;
  instant started{};
  std::int32_t pid = 0;
  bool paused = false;  ///< begins with a pause
  bool settles = false; ///< it has only just been started, and nobody knows whether it serves: a little later
  std::shared_ptr<check_recorder> recorder;
  health_question_ptr question;     ///< for type custom
  caf::actor_addr life, supervisor; ///< its notes go out in the name of the first, to the second
};

/// One check is due, or over.
struct check_due {
  std::uint32_t generation = 0;
};
struct check_over {
  std::uint32_t generation = 0;
  probe_result result;
};

using health_checker_actor = caf::typed_actor<
  caf::reacts_to<pause_atom>, caf::reacts_to<resume_atom>, caf::reacts_to<check_due>, caf::reacts_to<check_over>>;

struct health_checker_state {
  static constexpr const char* name = "duende.health";

  services_ptr with;
  std::shared_ptr<const health_order> order;
  std::optional<health_track> track;
  check_means means;
  probe_ptr running;                ///< null: none is out
  std::uint32_t generation = 0;     ///< what belongs to another one is stale
  instant begun{};                  ///< of the last check
  bool spread = false;              ///< the second check came at a time of its own
  token_bucket words{1.0 / 30, 10}; ///< a daemon that goes to and fro does not fill the history
  std::uint64_t untold = 0;

  const health_spec& spec() const { return *order->spec->health; }
};

/// Spawn with `self->spawn<caf::linked>(health_checker, ...)`. Ends with as_error(life_end) where the daemon has to: its `reason`,
/// and where the line is to be stopped `broken`, are for the incarnation to take over. With another error the check itself failed.
health_checker_actor::behavior_type health_checker(
  health_checker_actor::stateful_pointer<health_checker_state> self, services_ptr with,
  std::shared_ptr<const health_order> order);

} // namespace duende

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::check_due)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::check_over)
