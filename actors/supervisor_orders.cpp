// Orders to a daemon that lives on: pause, resume, reload, signals.
#include "actors/supervisor.hpp"

#include <csignal>

namespace duende {

/// The daemon was paused or resumed, or it ended instead.
void supervisor::answer_change(child& c) {
  if (c.more && c.more->reload_waiters && !c.alive())
    reloaded(c, "it ended meanwhile");
  if (c.more)
    for (auto& each : std::exchange(c.more->change_waiters, {}))
      each.deliver(status_of(c, spec_.name, monotonic_now()));
}

supervisor::reply supervisor::pause_child(child& c) {
  if (c.kind != child_kind::process || c.state != daemon_state::running)
    return c.state == daemon_state::paused ? reply{status_of(c, spec_.name, monotonic_now())} : refuse(verb::pause, c);
  send(caf::actor_cast<life_actor>(c.life), pause_atom::value);
  c.detail().change_waiters.push_back(make_response_promise<daemon_status>());
  return caf::delegated<daemon_status>{};
}

supervisor::reply supervisor::resume_child(child& c) {
  if (c.kind != child_kind::process || c.state != daemon_state::paused)
    return refuse(verb::resume, c);
  send(caf::actor_cast<life_actor>(c.life), resume_atom::value);
  c.detail().change_waiters.push_back(make_response_promise<daemon_status>());
  return caf::delegated<daemon_status>{};
}

supervisor::reply supervisor::reload_child(child& c) {
  if ((c.kind != child_kind::process && c.kind != child_kind::thread) || !c.alive() || !c.ready)
    return refuse(verb::reload, c);
  if (c.spec && c.spec->hooks && !c.spec->hooks->reload.empty())
    return reload_by_hook(c);
  send(caf::actor_cast<life_actor>(c.life), signal_atom::value, SIGHUP);
  record_event(c, event_kind::reload, "asked to reload (SIGHUP)");
  return status_of(c, spec_.name, monotonic_now());
}

supervisor::reply supervisor::signal_child(const std::string& name, int number) {
  auto* c = find(name);
  if (!c)
    return fail(errc::not_found, "no daemon named '{}'", name);
  if (!c->alive() || (c->pid == 0 && c->kind != child_kind::thread))
    return fail(errc::wrong_state, "cannot signal '{}': it is {}", name, to_string(c->state));
  send(caf::actor_cast<life_actor>(c->life), signal_atom::value, number);
  return status_of(*c, spec_.name, monotonic_now());
}

} // namespace duende
