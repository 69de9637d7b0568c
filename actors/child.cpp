#include "actors/child.hpp"

#include "actors/daemon.hpp"

#include <algorithm>

namespace duende {

child_detail& child::detail() {
  if (!more)
    more = std::make_unique<child_detail>();
  return *more;
}

const char* backend_name(child_kind kind) {
  switch (kind) {
    case child_kind::process: return "native";
    case child_kind::thread: return "thread";
    case child_kind::actor: return "actor";
    case child_kind::supervisor: return "supervisor";
  }
  return "";
}

daemon_status status_of(const child& c, const std::string& supervisor, instant now) {
  daemon_status s;
  s.name = c.name;
  s.state = c.state;
  s.pid = c.pid;
  s.backend = backend_name(c.kind);
  s.supervisor = supervisor;
  s.ready = c.ready;
  s.health = c.ready ? c.health : health_state::unknown;
  s.restarts = c.restarts;
  s.incarnation = c.incarnation;
  s.desired = c.desired;
  s.scheduled = c.scheduled();
  if (c.spec) {
    s.version = c.spec->version;
    s.description = c.spec->description;
    s.instance_of = c.spec->instance_of;
  }
  if (c.alive() && c.state != daemon_state::starting)
    s.uptime_seconds = std::max(0.0, std::chrono::duration<double>(now - c.started_at).count());
  if (c.more) {
    auto& more = *c.more;
    s.id = more.id;
    s.last = more.last;
    s.status_text = more.status_text;
    if (more.counters) {
      auto copy = std::make_shared<daemon_counters>(*more.counters);
      if (more.recorder)
        more.recorder->add_to(*copy);
      if (more.guard)
        copy->policies.obtain() = counters_of(*more.guard);
      s.counters = std::move(copy);
    }
    s.started_at = more.started_wall;
    if (more.schedule) {
      s.last_run_at = more.schedule->memory.last;
      s.skipped_runs = more.schedule->memory.skipped;
      if (c.desired == desired_state::up)
        s.next_run_at = more.schedule->memory.next;
    }
    if (c.state == daemon_state::backoff)
      s.next_restart_seconds = std::max(0.0, std::chrono::duration<double>(more.backoff_until - now).count());
  }
  return s;
}

} // namespace duende
