#include "actors/quiet_coordinator.hpp"

#include "actors/quiet_clock.hpp"

#include <caf/actor_system.hpp>
#include <caf/policy/work_sharing.hpp>
#include <caf/scheduler/coordinator.hpp>

namespace duende {
namespace {

using base_coordinator = caf::scheduler::coordinator<caf::policy::work_sharing>;

class quiet_coordinator : public base_coordinator {
public:
  explicit quiet_coordinator(caf::actor_system& system) : base_coordinator(system) {}
  caf::detail::thread_safe_actor_clock& clock() noexcept override { return clock_; }
  static caf::actor_system::module* make(caf::actor_system& system, caf::detail::type_list<>) {
    return new quiet_coordinator{system};
  }

private:
  quiet_clock clock_{base_coordinator::clock()};
};

} // namespace

void use_quiet_clock(caf::actor_system_config& config) { config.load<quiet_coordinator>(); }

} // namespace duende
