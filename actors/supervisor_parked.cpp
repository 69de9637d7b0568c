// Below a supervisor that is down its children are seeds, kept by the nearest supervisor that lives. What is wanted of them meanwhile
// is written there, so that a person may mend what made it give up before it is started again.
#include "actors/supervisor.hpp"

#include "monitors/history/store.hpp"

#include <algorithm>

namespace duende {
namespace {

/// Calls `fn` with each seed of a supervisor below `seed`, and with itself, until one call gives true.
bool any_below(const std::shared_ptr<supervisor_seed>& seed, const auto& fn) {
  if (!seed)
    return false;
  return fn(seed) || std::any_of(seed->children.begin(), seed->children.end(), [&](auto& each) {
           return any_below(each.supervisor, fn);
         });
}

daemon_state shown_state(daemon_state of_supervisor) {
  return of_supervisor == daemon_state::failed ? daemon_state::failed : daemon_state::stopped;
}

/// A seed as if it were a child, to be shown.
child shown(const child_seed& seed, daemon_state state) {
  child result;
  result.name = seed.name;
  result.spec = seed.spec;
  result.kind = seed.kind;
  result.state = state;
  result.restarts = static_cast<std::uint32_t>(seed.restarts);
  result.incarnation = seed.incarnation;
  result.desired = seed.desired;
  auto& more = result.detail();
  more.id = seed.id;
  more.last = seed.last;
  more.counters = seed.counters;
  more.supervisor = seed.supervisor;
  return result;
}

auto place_of(supervisor_seed& in, const std::string& name) {
  return std::find_if(in.children.begin(), in.children.end(), [&](auto& each) { return each.name == name; });
}

} // namespace

/// The seed of that supervisor, where it is kept here; null else.
std::shared_ptr<supervisor_seed> supervisor::parked(const std::string& supervisor) const {
  std::shared_ptr<supervisor_seed> found;
  for (auto& c : children_)
    if (c->kind == child_kind::supervisor && !c->alive() && c->more)
      any_below(c->more->supervisor, [&](auto& seed) {
        if (seed->spec.name == supervisor)
          found = seed;
        return found != nullptr;
      });
  return found;
}

supervisor::reply supervisor::add_parked(const child_order_ptr& order) {
  auto& seed = order->seed;
  auto home = parked(seed.spec->supervisor);
  if (!home)
    return fail(
      errc::wrong_state, "cannot add '{}': its supervisor '{}' is just starting; try again", seed.name,
      seed.spec->supervisor);
  if (place_of(*home, seed.name) != home->children.end())
    return fail(errc::already_exists, "there is a daemon named '{}' already", seed.name);
  home->children.push_back(std::move(seed));
  return status_of(shown(home->children.back(), daemon_state::created), home->spec.name, monotonic_now());
}

/// Calls `act` with the seed of that daemon, where it is and the supervisor of ours that it is below; answers with what it gives.
supervisor::reply supervisor::with_parked(const std::string& name, const parked_act& act) {
  for (auto& c : children_) {
    std::optional<daemon_status> answer;
    if (c->kind == child_kind::supervisor && !c->alive() && c->more)
      any_below(c->more->supervisor, [&](auto& home) {
        auto at = place_of(*home, name);
        if (at != home->children.end())
          answer = act(*home, *at, *c);
        return answer.has_value();
      });
    if (answer)
      return std::move(*answer);
  }
  return fail(errc::not_found, "no daemon named '{}'", name);
}

supervisor::reply supervisor::remove_parked(const std::string& name) {
  return with_parked(name, [this](supervisor_seed& home, child_seed& seed, const child&) {
    auto gone = status_of(shown(seed, daemon_state::stopped), home.spec.name, monotonic_now());
    with_->store->remove_child(seed.id);
    send(with_->native, forget_atom::value, seed.id);
    home.children.erase(home.children.begin() + (&seed - home.children.data()));
    return gone;
  });
}

supervisor::reply supervisor::change_parked(const std::string& name, const change_order_ptr& order) {
  return with_parked(name, [&](supervisor_seed& home, child_seed& seed, const child& below) {
    seed.spec = order->spec;
    return status_of(shown(seed, shown_state(below.state)), home.spec.name, monotonic_now());
  });
}

void supervisor::append_parked(tree_snapshot& result, const child& parked, instant now) const {
  if (!parked.more || !parked.more->supervisor)
    return;
  auto& seed = *parked.more->supervisor;
  supervisor_status own;
  own.name = seed.spec.name;
  own.parent = seed.spec.parent;
  own.strategy = seed.spec.strategy;
  own.intensity = seed.spec.intensity;
  own.state = parked.state;
  own.restarts = seed.restarts;
  own.escalations = seed.escalations;
  result.supervisors.push_back(own);
  auto at = result.supervisors.size() - 1;
  for (auto& each : seed.children) {
    result.supervisors[at].children.push_back(each.name);
    auto one = shown(each, shown_state(parked.state));
    if (each.kind == child_kind::supervisor)
      append_parked(result, one, now);
    else
      result.daemons.push_back(status_of(one, seed.spec.name, now));
  }
}

} // namespace duende
