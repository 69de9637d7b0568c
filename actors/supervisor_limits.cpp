// Limits of children that run: changed on the spot, and told apart from other ends.
#include "actors/supervisor.hpp"

#include "backends/native/cgroups.hpp"
#include "core/units.hpp"

#include <csignal>

namespace duende {

caf::error supervisor::limit_running(const child& c, const daemon_spec& wanted) {
  if (wanted.open_files_max != c.spec->open_files_max)
    if (auto done = change_open_files(c.pid, wanted.open_files_max); !done)
      return done.error();
  if (wanted.limits == c.spec->limits)
    return {};
  auto limits = wanted.limits ? *wanted.limits : limits_spec{};
  if (!with_->groups)
    return fail(errc::unsupported, "this node has no control groups for limits");
  if (auto done = with_->groups->change(c.name, limits, c.pid); !done)
    return done.error();
  return {};
}

void supervisor::forget_limits(const child& c) const {
  if (with_->groups && c.spec->limits)
    with_->groups->remove(c.name);
}

/// A group is new for each life: what it counts is of this one.
void supervisor::explain_kill(const child& c, exit_reason& reason) const {
  if (
    c.kind != child_kind::process || reason.cause != exit_cause::signal || reason.value != SIGKILL || !with_->groups
    || !c.spec->limits || !needs(*c.spec->limits, cgroup_controller::memory)
    || with_->groups->read(c.name).oom_kills == 0)
    return;
  auto& limits = *c.spec->limits;
  reason.cause = exit_cause::oom;
  reason.detail = fmt::format(
    "{} limit reached", format_bytes(limits.memory_bytes != 0 ? limits.memory_bytes : limits.memory_swap_bytes));
}

} // namespace duende
