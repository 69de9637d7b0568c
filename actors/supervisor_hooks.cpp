// What the hooks of children need to know, and what follows them.
#include "actors/channels.hpp"
#include "actors/incarnation_state.hpp"
#include "actors/supervisor.hpp"

namespace duende {

void supervisor::tell_hooks(const child& c, incarnation_order& order) const {
  if (c.more && c.more->last)
    order.cause = c.more->last->text;
}

/// They do not run again for this life, whatever becomes of the node.
void supervisor::post_started(child& c) {
  auto& more = *c.more;
  auto record = parse_life_record(more.record);
  if (!record)
    return;
  record->ready = record->post_started = true;
  more.record = to_text(*record);
  if (with_->side)
    with_->side->replace(more.id, c.incarnation, more.record);
  send(with_->native, record_atom::value, more.id, c.incarnation, more.record);
}

supervisor::reply supervisor::reload_by_hook(child& c) {
  auto& waiters = c.detail().reload_waiters;
  if (!waiters)
    waiters = std::make_unique<std::vector<caf::typed_response_promise<daemon_status>>>();
  if (!waiters->empty())
    return fail(errc::wrong_state, "cannot reload '{}': its reload hook runs", c.name);
  waiters->push_back(make_response_promise<daemon_status>());
  record_event(c, event_kind::reload, "asked to reload (hook)");
  send(caf::actor_cast<incarnation_actor>(c.life), reload_atom::value);
  return caf::delegated<daemon_status>{};
}

void supervisor::reloaded(child& c, const std::string& failure) {
  if (!c.more || !c.more->reload_waiters)
    return;
  auto waiters = std::exchange(c.more->reload_waiters, nullptr);
  for (auto& each : *waiters) {
    if (failure.empty())
      each.deliver(status_of(c, spec_.name, monotonic_now()));
    else
      each.deliver(fail(errc::wrong_state, "cannot reload '{}': {}", c.name, failure));
  }
}

/// An incarnation without a daemon: it outlives this supervisor, which may be on its way out for the same reason.
void supervisor::run_give_up_hooks(child& c, const std::string& why) {
  if (!c.spec || !c.spec->hooks || c.spec->hooks->on_give_up.empty())
    return;
  auto order = std::make_shared<incarnation_order>();
  order->spec = c.spec;
  order->id = c.detail().id;
  order->number = c.incarnation;
  order->given_up = true;
  order->restarts = c.restarts;
  order->cause = why;
  system().spawn(incarnation, with_, std::move(order), life_watcher{});
}

/// The end was not told to anybody yet: post_stop comes first. False where there is none.
bool supervisor::finish_with_hooks(child& c, life_end& end) {
  if (!c.spec->hooks || c.spec->hooks->post_stop.empty())
    return false;
  auto order = std::make_shared<incarnation_order>();
  order->spec = c.spec;
  order->id = c.more->id;
  order->number = c.incarnation;
  tell_hooks(c, *order);
  order->ended = std::move(end);
  auto life = spawn<caf::monitored>(
    incarnation, with_, std::move(order), caf::actor_cast<life_watcher>(caf::strong_actor_ptr{ctrl()}));
  track(c, caf::actor_cast<caf::actor>(life));
  c.state = daemon_state::stopping;
  return true;
}

} // namespace duende
