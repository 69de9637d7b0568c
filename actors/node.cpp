#include "actors/node.hpp"

#include "core/config/load.hpp"
#include "core/crash_point.hpp"
#include "core/suggest.hpp"
#include "monitors/history/store.hpp"
#include "policies/dependency.hpp"

#include <algorithm>

namespace duende {

node::node(caf::actor_config& cfg, services_ptr with, std::shared_ptr<node_seed> seed)
  : super(cfg), with_(std::move(with)), present_(std::move(seed->present)), seed_(std::move(seed->root)),
    dependants_(dependants_of(present_.daemons)) {
  for (auto& spec : present_.daemons)
    homes_[spec.name] = spec.supervisor;
  set_exception_handler(
    [](caf::scheduled_actor*, std::exception_ptr& what) -> caf::error { return exception_error(what); });
  set_down_handler([this](caf::down_msg& down) {
    if (root_ && down.source == root_.address()) {
      root_ended(down.reason);
      return;
    }
    for (auto& [name, handle] : supervisors_)
      if (handle && down.source == handle.address()) {
        handle = nullptr; // until its successor says hello
        down_.insert(name);
      }
  });
}

node::behavior_type node::make_behavior() {
  begin_root(std::move(seed_));
  return {
    [this](const command& what) -> reply<daemon_status> {
      auto to = supervisor_of(what.name);
      return to ? reply<daemon_status>{delegate(to, what)} : unknown(what.name);
    },
    [this](signal_atom, const std::string& name, int number) -> reply<daemon_status> {
      auto to = supervisor_of(name);
      return to ? reply<daemon_status>{delegate(to, signal_atom::value, name, number)} : unknown(name);
    },
    [this](add_atom, const std::string& supervisor, const child_order_ptr& order) { return add(supervisor, order); },
    [this](remove_atom, const std::string& name) { return remove(name); },
    [this](find_atom, const std::string& name) -> reply<daemon_status> {
      auto to = supervisor_of(name);
      if (!to && homes_.contains(name))
        return find_parked(name);
      return to ? reply<daemon_status>{delegate(to, find_atom::value, name)} : unknown(name);
    },
    [this](snapshot_atom) { return snapshot(); },
    [this](spec_atom, const std::string& name) -> reply<daemon_spec_ptr> {
      if (auto spec = present_.daemons.find(name))
        return spec;
      return unknown(name);
    },
    [this](const std::shared_ptr<apply_order>& order) { return apply(*order); },
    [this](change_atom, const std::string& name, const change_order_ptr& order) -> reply<daemon_status> {
      return change(name, order);
    },
    [this](roll_atom, const std::string& name) { return roll_group(name); },
    [this](scale_atom, const std::string& name, std::uint32_t count) { return scale(name, count); },
    [this](const rolled_note& note) {
      rolling_.erase(note.group);
      note.act();
    },
    [this](add_atom, const supervisor_spec& spec) { return add_supervisor(spec); },
    [this](add_atom, const std::string& supervisor, const actor_inbox_ptr& inbox) {
      when_present(supervisor, [=, this] { send(supervisor_named(supervisor), inbox); });
    },
    [this](const supervisor_hello& hello) {
      supervisors_[hello.name] = hello.handle;
      down_.erase(hello.name);
      if (hello.handle != root_)
        monitor(hello.handle);
      for (auto& [name, reached] : board_)
        send(hello.handle, milestone_note{name, reached});
      if (auto waiting = pending_.extract(hello.name))
        for (auto& act : waiting.mapped())
          act();
    },
    [this](const milestone_note& note) { broadcast(note); },
    [this](shutdown_atom) { shutdown(); }};
}

/// Node and supervisors hold each other; where both only ended, neither would ever go.
void node::on_exit() {
  for (auto& [number, excuse] : std::exchange(owed_, {}))
    excuse();
  root_ = nullptr;
  supervisors_.clear();
  pending_.clear();
}

void node::begin_root(std::shared_ptr<supervisor_seed> seed) {
  root_ = spawn<supervisor, caf::monitored>(
    with_, std::move(seed), caf::actor_cast<board_actor>(caf::strong_actor_ptr{ctrl()}), life_watcher{});
  supervisors_["root"] = root_;
}

/// In order only when the node stops. Else it failed, and a successor goes on: a few times.
void node::root_ended(const caf::error& reason) {
  constexpr intensity_limit limit{5, 60s};
  auto below = end_of(reason, monotonic_now()).below;
  if (below && below->failure) { // sees to the end of what it left
    begin_root(std::move(below));
  } else if (below && !stopping_ && root_failures_.admit(monotonic_now(), limit)) {
    with_->record({.kind = event_kind::restart, .supervisor = "root", .text = "supervisor 'root' begins again"});
    begin_root(std::move(below));
  } else {
    quit(stopping_ ? caf::error{} : reason);
  }
}

supervisor_actor node::supervisor_named(const std::string& name) {
  auto found = supervisors_.find(name);
  return found == supervisors_.end() ? supervisor_actor{} : found->second;
}

/// Where commands for `daemon` go: its supervisor, or for a supervisor's own name the parent of that.
supervisor_actor node::supervisor_of(const std::string& daemon) {
  if (auto home = homes_.find(daemon); home != homes_.end())
    return supervisor_named(home->second);
  for (auto& spec : present_.supervisors)
    if (spec.name == daemon)
      return supervisor_named(spec.parent);
  return {};
}

caf::error node::unknown(const std::string& name) const {
  if (auto home = homes_.find(name); home != homes_.end())
    return fail(
      errc::wrong_state, "'{}' is down with its supervisor '{}'; 'duende start {}' starts that", name, home->second,
      home->second);
  std::string instances;
  for (auto& spec : present_.daemons)
    if (spec.instance_of == name && instances.size() < 200)
      instances += (instances.empty() ? "" : ", ") + spec.name;
  if (!instances.empty())
    return fail(errc::not_found, "no daemon named '{}', it has instances: {}", name, instances);
  std::vector<std::string> names;
  for (auto& [known, home] : homes_)
    names.push_back(known);
  return fail(errc::not_found, "no daemon named '{}'{}", name, did_you_mean(name, names));
}

void node::broadcast(const milestone_note& note) {
  board_[note.name] = note.reached;
  auto home = homes_.find(note.name);
  for (auto& [name, handle] : supervisors_)
    if (home == homes_.end() || name != home->second)
      send(handle, note);
}

void node::dependencies_changed() {
  dependants_ = dependants_of(present_.daemons);
  for (auto& [name, handle] : supervisors_)
    send(handle, dependants_);
}

void node::write_stack() {
  crash_point("node.before_stack");
  with_->store->put_stack(with_->otlp != nullptr ? stack_to_json(present_, *with_->otlp) : stack_to_json(present_));
  crash_point("node.after_stack");
  auto sockets = std::make_shared<std::vector<std::string>>();
  for (auto& spec : present_.daemons)
    for (auto& each : spec.sockets)
      sockets->push_back(each.listen);
  send(with_->native, retain_atom::value, listen_list_ptr{std::move(sockets)});
}

node::reply<daemon_status> node::add(const std::string& supervisor, const child_order_ptr& order) {
  auto& seed = order->seed;
  if (stopping_)
    return fail(errc::wrong_state, "cannot add '{}': the node stops", seed.name);
  if (homes_.contains(seed.name))
    return fail(errc::already_exists, "there is a daemon named '{}' already", seed.name);
  if (supervisors_.contains(seed.name))
    return fail(errc::already_exists, "there is a supervisor named '{}' already", seed.name);
  auto to = supervisor_named(supervisor);
  if (!to)
    return supervisors_.contains(supervisor)
             ? fail(errc::wrong_state, "cannot add '{}': its supervisor '{}' is down", seed.name, supervisor)
             : fail(errc::invalid_config, "'{}' names supervisor '{}', which does not exist", seed.name, supervisor);
  if (seed.spec)
    for (auto& each : seed.spec->depends_on)
      if (!homes_.contains(each.name))
        return fail(errc::invalid_config, "'{}' depends on '{}', which does not exist", seed.name, each.name);
  homes_[seed.name] = supervisor;
  if (seed.kind == child_kind::process && !order->transient) {
    present_.daemons.push_back(seed.spec);
    write_stack();
    if (!seed.spec->depends_on.empty())
      dependencies_changed();
  }
  return delegate(to, add_atom::value, order);
}

node::reply<daemon_status> node::change(const std::string& name, const change_order_ptr& order) {
  auto to = supervisor_of(name);
  if (!to)
    return unknown(name);
  if (!order->keep)
    return delegate(to, change_atom::value, name, order);
  auto answer = owe<daemon_status>();
  request(to, std::chrono::seconds{30}, change_atom::value, name, order)
    .then(
      [this, answer, name, spec = order->spec](const daemon_status& status) {
        auto& daemons = present_.daemons;
        for (std::size_t i = 0; i < daemons.size(); ++i)
          if (daemons[i].name == name)
            daemons.set(i, spec);
        write_stack();
        answer(status);
      },
      [answer](const caf::error& error) { answer(error); });
  return caf::delegated<daemon_status>{};
}

node::reply<daemon_status> node::remove(const std::string& name) {
  auto home = homes_.find(name);
  if (home == homes_.end())
    return unknown(name);
  auto to = holder_of(home->second);
  if (auto found = dependants_->find(name); found != dependants_->end())
    return fail(errc::wrong_state, "cannot remove '{}': '{}' depends on it", name, found->second.front());
  present_.daemons.erase_if([&](auto& spec) { return spec.name == name; });
  write_stack();
  homes_.erase(home);
  board_.erase(name);
  dependencies_changed();
  return delegate(to, remove_atom::value, name);
}

node::reply<std::string> node::add_supervisor(const supervisor_spec& spec) {
  if (stopping_)
    return fail(errc::wrong_state, "cannot add supervisor '{}': the node stops", spec.name);
  if (spec.name.empty() || spec.name == "root" || supervisors_.contains(spec.name) || homes_.contains(spec.name))
    return fail(errc::already_exists, "there is a supervisor or daemon named '{}' already", spec.name);
  if (!supervisors_.contains(spec.parent))
    return fail(
      errc::invalid_config, "supervisor '{}' names parent '{}', which does not exist", spec.name, spec.parent);
  present_.supervisors.push_back(spec);
  write_stack();
  auto order = std::make_shared<child_order>();
  order->seed.kind = child_kind::supervisor;
  order->seed.name = spec.name;
  order->seed.supervisor = std::make_shared<supervisor_seed>();
  order->seed.supervisor->spec = spec;
  supervisors_.emplace(spec.name, supervisor_actor{}); // taken, until it says hello
  when_present(spec.parent, [this, order, parent = spec.parent] {
    caf::anon_send(supervisor_named(parent), add_atom::value, order);
  });
  when_present(spec.name, [answer = owe<std::string>(), name = spec.name] { answer(name); });
  return caf::delegated<std::string>{};
}

void node::shutdown() {
  if (std::exchange(stopping_, true))
    return;
  with_->record({.kind = event_kind::node, .text = "stops"});
  send(root_, shutdown_atom::value, everything_atom::value);
  for (auto& [name, handle] : supervisors_)
    if (handle && handle != root_)
      send(handle, shutdown_atom::value, everything_atom::value);
}

} // namespace duende
