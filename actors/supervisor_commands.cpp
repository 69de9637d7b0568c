// What operators ask of one daemon. One outcome each: a command is answered once, by what became of it.
#include "actors/supervisor.hpp"

#include "core/crash_point.hpp"
#include "policies/strategy.hpp"

namespace duende {
namespace {

constexpr std::size_t max_waiters = 1024;

/// Whether a start or a stop will follow.
bool sets_off(verb what, const child& c) {
  switch (what) {
    case verb::start: return !c.alive() || c.state == daemon_state::stopping;
    case verb::stop: return c.alive() && c.state != daemon_state::stopping;
    case verb::restart: return true;
    default: return false;
  }
}

} // namespace

supervisor::reply supervisor::refuse(verb what, const child& c) const {
  auto state = c.state == daemon_state::running || c.state == daemon_state::starting ? "already " : "";
  return fail(
    errc::wrong_state, "cannot {} '{}': it is {}{}", to_string(what), c.name, what == verb::start ? state : "",
    to_string(c.state));
}

supervisor::reply supervisor::on_command(const command& what) {
  auto* c = find(what.name);
  if (!c)
    return fail(errc::not_found, "no daemon named '{}'", what.name);
  if (c->removing)
    return fail(errc::not_found, "no daemon named '{}': it is being removed", what.name);
  if (shutting_down_ && what.what != verb::stop)
    return fail(errc::wrong_state, "cannot {} '{}': the node stops", to_string(what.what), what.name);
  if (sets_off(what.what, *c))
    caused_by(*c, what.trace);
  switch (what.what) {
    case verb::start: return start_child(*c, what.wait);
    case verb::stop: return stop_child(*c, what.wait, what.at_once);
    case verb::restart: return restart_child(*c, what.wait);
    case verb::pause: return pause_child(*c);
    case verb::resume: return resume_child(*c);
    case verb::reload: return reload_child(*c);
  }
  return make_error(errc::internal, "no such command");
}

supervisor::reply supervisor::wait_for(child& c, bool until_running, std::uint32_t incarnation, bool wait) {
  if (!wait)
    return status_of(c, spec_.name, monotonic_now());
  auto& waiters = c.detail().waiters;
  if (waiters.size() >= max_waiters)
    return fail(errc::limit_reached, "'{}' has {} commands waiting already", c.name, max_waiters);
  auto promise = make_response_promise<daemon_status>();
  waiters.push_back({until_running, incarnation, promise});
  return caf::delegated<daemon_status>{};
}

/// Answers those whose goal `c` has reached, or can't reach any more.
void supervisor::settle_waiters(child& c) {
  if (!c.more || c.more->waiters.empty())
    return;
  auto waiters = std::exchange(c.more->waiters, {});
  bool down = !c.alive();
  for (auto& each : waiters) {
    bool running = c.ready && c.incarnation >= each.incarnation
                   && (c.state == daemon_state::running || c.state == daemon_state::paused);
    if (each.until_running ? running : down)
      each.promise.deliver(status_of(c, spec_.name, monotonic_now()));
    else if (each.until_running && down && c.reached == milestone::completed && c.incarnation >= each.incarnation)
      each.promise.deliver(status_of(c, spec_.name, monotonic_now())); // it ran and has done its work
    else if (each.until_running && down && c.state == daemon_state::failed)
      each.promise.deliver(
        fail(errc::spawn_failed, "cannot start '{}': {}", c.name, c.more->last ? c.more->last->text : "it failed"));
    else if (each.until_running && down && c.desired == desired_state::down)
      each.promise.deliver(fail(errc::canceled, "'{}' was stopped meanwhile", c.name));
    else
      c.more->waiters.push_back(std::move(each));
  }
}

void supervisor::fail_waiters(child& c, const caf::error& why) {
  if (!c.more)
    return;
  for (auto& each : std::exchange(c.more->waiters, {})) {
    if (each.until_running)
      each.promise.deliver(why);
    else
      c.more->waiters.push_back(std::move(each));
  }
}

supervisor::reply supervisor::start_child(child& c, bool wait) {
  if (c.alive() && c.state != daemon_state::stopping)
    return refuse(verb::start, c);
  c.desired = desired_state::up;
  c.streak = 0;
  if (c.more)
    c.more->window.clear();
  reset_breaker(c);
  acknowledge(c);
  drop_timer(c);
  if (c.alive()) { // on its way down: begins again after that
    c.restart_wanted = true;
    if (c.kind == child_kind::process)
      write_intent(c, intent::restart);
    return wait_for(c, true, c.incarnation + 1, wait);
  }
  c.regrouping = false;
  c.pending_start = true;
  start_scan_ = std::min<std::size_t>(start_scan_, c.index);
  if (c.scheduled() && c.more->schedule) { // the next one counts from this one
    c.more->schedule->memory.last = wall_now();
    c.more->schedule->memory.next.reset();
  }
  set_schedule(c);
  persist(c);
  auto next = c.incarnation + 1;
  auto answer = wait_for(c, true, next, wait);
  if (may_start(c)) // an operator's word goes before the order of the group
    begin_life(c);
  return answer;
}

supervisor::reply supervisor::stop_child(child& c, bool wait, bool at_once) {
  c.desired = desired_state::down;
  c.restart_wanted = c.pending_start = false;
  drop_timer(c);
  drop_schedule(c);
  if (c.more)
    c.more->watching.reset(); // what an operator has stopped no changed file starts
  if (!c.alive()) {
    c.regrouping = false;
    if (c.state == daemon_state::backoff || c.state == daemon_state::failed || c.state == daemon_state::created)
      settle(c, c.incarnation == 0 ? daemon_state::created : daemon_state::stopped);
    else
      persist(c);
    fail_waiters(c, fail(errc::canceled, "'{}' was stopped meanwhile", c.name));
    regroup_due();
    if (starts_in_order(spec_.strategy))
      start_eligible(); // its successors wait no more
    return status_of(c, spec_.name, monotonic_now());
  }
  fail_waiters(c, fail(errc::canceled, "'{}' was stopped meanwhile", c.name));
  if (c.kind == child_kind::process)
    write_intent(c, intent::stop);
  persist(c);
  crash_point("supervisor.after_stop_intent");
  auto answer = wait_for(c, false, 0, wait);
  if (c.state != daemon_state::stopping || at_once)
    order_stop(c, at_once);
  return answer;
}

supervisor::reply supervisor::restart_child(child& c, bool wait) {
  if (!c.alive())
    return start_child(c, wait);
  c.desired = desired_state::up;
  c.streak = 0;
  auto answer = wait_for(c, true, c.incarnation + 1, wait);
  if (c.restart_wanted && c.state == daemon_state::stopping)
    return answer; // joins the one under way
  c.restart_wanted = true;
  if (c.kind == child_kind::process)
    write_intent(c, intent::restart);
  crash_point("supervisor.after_restart_intent");
  if (c.state != daemon_state::stopping)
    order_stop(c, false);
  return answer;
}

supervisor::reply supervisor::find_child(const std::string& name) {
  auto* c = find(name);
  if (!c || c->kind == child_kind::supervisor)
    return fail(errc::not_found, "no daemon named '{}'", name);
  return status_of(*c, spec_.name, monotonic_now());
}

supervisor::reply supervisor::add_child(const child_order_ptr& order) {
  if (shutting_down_)
    return fail(errc::wrong_state, "cannot add '{}': the node stops", order->seed.name);
  if (find(order->seed.name))
    return fail(errc::already_exists, "there is a daemon named '{}' already", order->seed.name);
  if (auto& spec = order->seed.spec; spec && spec->supervisor != spec_.name)
    return add_parked(order);
  auto& c = adopt_seed(order->seed);
  caused_by(c, order->trace);
  set_schedule(c);
  persist(c);
  if (c.pending_start) {
    if (starts_in_order(spec_.strategy))
      start_eligible();
    else if (may_start(c))
      begin_life(c);
  }
  return status_of(c, spec_.name, monotonic_now());
}

/// Many at once and often 100,000s of them: one look-up each, no seed, tables that grow once.
void supervisor::add_actors(std::vector<actor_order> orders) {
  if (shutting_down_)
    return;
  auto all = children_.size() + orders.size();
  if (all > children_.capacity()) {
    children_.reserve(std::max(all, 2 * children_.size()));
    by_name_.reserve(children_.capacity());
    alive_.reserve(children_.capacity());
  }
  for (auto& order : orders) {
    auto owned = std::make_unique<child>();
    auto& c = *owned;
    c.kind = child_kind::actor;
    c.name = std::move(order.name);
    if (!by_name_.try_emplace(c.name, &c).second) {
      record_own_event(event_kind::config, fmt::format("'{}' is not started: the name is taken", c.name));
      continue;
    }
    c.make_actor = std::move(order.make);
    c.desired = desired_state::up;
    c.pending_start = true;
    c.watched = is_watched(c);
    c.index = static_cast<std::uint32_t>(children_.size());
    children_.push_back(std::move(owned));
    if (!starts_in_order(spec_.strategy))
      begin_life(c);
  }
  if (starts_in_order(spec_.strategy))
    start_eligible();
}

supervisor::reply supervisor::remove_child(const std::string& name) {
  auto* c = find(name);
  if (!c)
    return remove_parked(name);
  c->removing = true;
  c->desired = desired_state::down;
  c->restart_wanted = c->pending_start = c->regrouping = false;
  drop_timer(*c);
  drop_schedule(*c);
  if (c->more)
    c->more->watching.reset();
  fail_waiters(*c, fail(errc::canceled, "'{}' was removed meanwhile", name));
  if (!c->alive()) {
    auto status = status_of(*c, spec_.name, monotonic_now());
    forget_child(*c);
    regroup_due();
    if (starts_in_order(spec_.strategy))
      start_eligible();
    return status;
  }
  auto answer = wait_for(*c, false, 0, true);
  if (c->kind == child_kind::process)
    write_intent(*c, intent::stop);
  if (c->state != daemon_state::stopping)
    order_stop(*c, false);
  return answer;
}

supervisor::reply supervisor::change_child(const std::string& name, const change_order_ptr& order) {
  auto* c = find(name);
  if (!c)
    return change_parked(name, order);
  bool was_scheduled = c->scheduled();
  if (c->pid != 0 && !order->restart)
    if (auto error = limit_running(*c, *order->spec))
      return error;
  c->spec = order->spec;
  if (!order->restart)
    watch_limits(*c, false);
  c->watched = is_watched(*c);
  set_schedule(*c);
  persist(*c);
  record_event(*c, event_kind::config, order->restart ? "configuration changed: restarts" : "configuration changed");
  if (c->alive() || (c->more && c->more->watching))
    if (auto error = watch_files(*c))
      record_event(*c, event_kind::limit, sentence(error));
  if (!order->restart && c->alive() && c->kind == child_kind::process)
    send(caf::actor_cast<incarnation_actor>(c->life), policy_change{c->spec, recorder_of(*c)});
  if (order->restart)
    caused_by(*c, order->trace);
  if (order->restart && c->alive() && c->desired == desired_state::up)
    return restart_child(*c, order->wait);
  if (
    order->restart
    && (c->state == daemon_state::backoff || (c->state == daemon_state::failed && order->revive) || (was_scheduled && !c->scheduled() && c->desired == desired_state::up)))
    return start_child(*c, order->wait);
  if (c->pending_start)
    start_eligible();
  return status_of(*c, spec_.name, monotonic_now());
}

} // namespace duende
