// A life begins in its control groups.
#include "actors/incarnation_state.hpp"
#include "backends/native/cgroups.hpp"

namespace duende {

bool enter_groups(incarnation_ptr self, launch_request& request) {
  auto& state = self->state;
  if (!state.spec->limits || !needs_cgroup(*state.spec->limits))
    return true;
  auto folders = state.with->groups
                   ? state.with->groups->prepare(state.spec->name, *state.spec->limits)
                   : caf::expected<std::string>{fail(errc::spawn_failed, "this node has no control groups for limits")};
  if (!folders) {
    end_unlaunched(self, exit_reason::spawn(sentence(folders.error())));
    return false;
  }
  request.cgroup = std::move(*folders);
  return true;
}

void freeze_groups(incarnation_ptr self, bool frozen) {
  auto& state = self->state;
  if (state.with->groups && state.spec->limits && needs_cgroup(*state.spec->limits))
    state.with->groups->freeze(state.spec->name, frozen);
}

} // namespace duende
