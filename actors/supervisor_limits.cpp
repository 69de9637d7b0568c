// Limits of children that run: changed on the spot, and told apart from other ends.
#include "actors/supervisor.hpp"

#include "backends/native/cgroups.hpp"
#include "backends/native/limit_alarm.hpp"
#include "core/units.hpp"

#include <csignal>

namespace duende {
namespace {

life_note note_of(const limits_spec& limits, const limit_met& met) {
  life_note note{life_note::kind::limit};
  std::string limit;
  if (met.which == cgroup_controller::pids) {
    note.key = "pids_max";
    limit = fmt::format("{} processes and threads", limits.pids_max);
  } else {
    note.key = limits.memory_bytes != 0 ? "memory_bytes" : "memory_swap_bytes";
    limit = format_bytes(limits.memory_bytes != 0 ? limits.memory_bytes : limits.memory_swap_bytes);
  }
  note.text = fmt::format("has used up {}: {}", note.key, limit);
  if (met.times > 1)
    note.text += fmt::format(", met {} times", met.times);
  return note;
}

} // namespace

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

/// From now on the kernel rings when one is met.
void supervisor::watch_limits(child& c, bool fresh) {
  if (c.more && c.more->guard)
    c.more->guard->alarm = nullptr;
  if (c.kind != child_kind::process || c.pid == 0 || !with_->groups || !c.spec->limits)
    return;
  auto& guard = guard_of(c);
  guard.told_memory = false;
  auto rings = [limits = *c.spec->limits, life = caf::actor_cast<caf::weak_actor_ptr>(c.life),
                to = caf::weak_actor_ptr{ctrl()}](const limit_met& met) {
    if (auto from = life.lock(), supervisor = to.lock();
        from && supervisor) // in the life's name: notes of another are stale
      supervisor->enqueue(from, caf::make_message_id(), caf::make_message(note_of(limits, met)), nullptr);
  };
  guard.alarm = std::make_shared<limit_alarm>(*with_->io, std::move(rings));
  with_->groups->watch(c.name, *c.spec->limits, *guard.alarm, fresh);
}

/// A group is new for each life: what it counts is of this one.
void supervisor::explain_kill(child& c, exit_reason& reason) {
  if (
    c.kind != child_kind::process || reason.cause != exit_cause::signal || reason.value != SIGKILL || !with_->groups
    || !c.spec->limits || !needs(*c.spec->limits, cgroup_controller::memory)
    || with_->groups->read(c.name).oom_kills == 0)
    return;
  auto& limits = *c.spec->limits;
  reason.cause = exit_cause::oom;
  reason.detail = fmt::format(
    "{} limit reached", format_bytes(limits.memory_bytes != 0 ? limits.memory_bytes : limits.memory_swap_bytes));
  if (!guard_of(c).told_memory) // the end has overtaken the alarm
    alert(c, note_of(limits, {cgroup_controller::memory, 1}));
}

} // namespace duende
