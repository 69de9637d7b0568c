#include "tests/support/scripted_node.hpp"

#include <caf/send.hpp>

namespace duende::test {

std::string answer::text() const {
  if (count == 0)
    return "waits";
  if (count > 1)
    return "answered twice";
  return *value ? std::string{to_string((*value)->state)} : sentence(value->error());
}

daemon_spec daemon_named(const std::string& name, const std::string& supervisor) {
  daemon_spec spec;
  spec.name = name;
  spec.supervisor = supervisor;
  spec.binary_path = "/bin/true";
  spec.shutdown_timeout = 3s;
  spec.restart.jitter = 0;
  return spec;
}

daemon_spec notifying(const std::string& name, const std::string& supervisor) {
  auto spec = daemon_named(name, supervisor);
  spec.ready.type = readiness_type::notify;
  spec.ready.timeout = 5s;
  return spec;
}

daemon_spec with_policy(daemon_spec spec, restart_policy policy) {
  spec.restart = std::move(policy);
  spec.restart.jitter = 0;
  return spec;
}

supervisor_spec group(const std::string& name, strategy how, intensity_limit intensity) {
  return {name, "root", how, intensity};
}

stack one(daemon_spec spec) {
  stack s;
  s.daemons = {std::move(spec)};
  return s;
}

stack three(strategy how, intensity_limit intensity) {
  stack s;
  s.supervisors = {group("g", how, intensity)};
  s.daemons = {notifying("a", "g"), notifying("b", "g"), notifying("c", "g")};
  return s;
}

void all_ready(scripted_node& n) {
  for (auto* name : {"a", "b", "c"})
    n.ready(name);
}

scripted_node::scripted_node(const stack& wanted, const std::function<void(node_seed&)>& prepare) {
  auto seed = std::make_shared<node_seed>();
  seed->present = wanted;
  seed->root = make_tree(wanted);
  if (prepare)
    prepare(*seed);
  node = caf::actor_cast<node_actor>(system->spawn<duende::node>(with, seed));
  node->attach_functor([ended = ended_](const caf::error&) { *ended = true; });
  run();
}

scripted_node::~scripted_node() {
  of.clear();
  shutdown();
  for (int i = 0; i < 100 && !ended(); ++i) {
    for (auto& [name, process] : std::map{living})
      exit(name, SIGKILL);
    advance(1min);
  }
  node = nullptr;
}

namespace {

template <class... Ts>
answer_ptr request(caf::actor_system& system, const node_actor& node, Ts... message) {
  auto result = std::make_shared<answer>();
  system.spawn([=](caf::event_based_actor* self) {
    self->request(node, caf::infinite, message...)
      .then(
        [=](const daemon_status& status) {
          ++result->count;
          result->value.emplace(status);
        },
        [=](const caf::error& error) {
          ++result->count;
          result->value.emplace(error);
        });
  });
  return result;
}

} // namespace

answer_ptr scripted_node::ask(command what) { return request(*system, node, std::move(what)); }

answer_ptr scripted_node::act(verb what, const std::string& name, bool wait) {
  auto result = ask({what, name, wait, false});
  run();
  return result;
}

answer_ptr scripted_node::remove(const std::string& name) {
  auto result = request(*system, node, remove_atom::value, name);
  run();
  return result;
}

answer_ptr scripted_node::add(const daemon_spec& spec) {
  auto order = std::make_shared<child_order>();
  order->seed.spec = std::make_shared<const daemon_spec>(spec);
  order->seed.name = spec.name;
  order->seed.id = uuid::random();
  order->seed.desired = spec.autostart ? desired_state::up : desired_state::down;
  auto result = request(*system, node, add_atom::value, spec.supervisor, order);
  run();
  return result;
}

void scripted_node::add_actors(
  const std::vector<std::string>& names, actor_factory make, const std::string& supervisor) {
  auto inbox = std::make_shared<actor_inbox>();
  for (auto& name : names)
    inbox->put({name, make}, 0s);
  caf::anon_send(node, add_atom::value, supervisor, inbox);
  run();
}

answer_ptr scripted_node::add_actor(const std::string& name, actor_factory make, const std::string& supervisor) {
  auto order = std::make_shared<child_order>();
  order->seed.kind = child_kind::actor;
  order->seed.name = name;
  order->seed.make_actor = std::move(make);
  auto result = request(*system, node, add_atom::value, supervisor, order);
  run();
  return result;
}

std::shared_ptr<std::string> scripted_node::apply(const stack& wanted) {
  auto result = std::make_shared<std::string>("waits");
  auto order = std::make_shared<apply_order>(apply_order{wanted, false});
  system->spawn([=, node = node](caf::event_based_actor* self) {
    self->request(node, caf::infinite, order)
      .then(
        [=](const apply_plan&) { *result = "applied"; }, [=](const caf::error& error) { *result = sentence(error); });
  });
  run();
  return result;
}

daemon_status scripted_node::status(const std::string& name) {
  auto found = request(*system, node, find_atom::value, name);
  run();
  if (!found->ok())
    throw std::runtime_error("no status of " + name + ": " + found->text());
  return std::move(**found->value);
}

std::string scripted_node::state(const std::string& name) { return std::string{to_string(status(name).state)}; }

tree_snapshot scripted_node::snapshot() {
  auto result = std::make_shared<tree_snapshot>();
  system->spawn([=, node = node](caf::event_based_actor* self) {
    self->request(node, caf::infinite, snapshot_atom::value).then([=](const tree_snapshot& all) { *result = all; });
  });
  run();
  return *result;
}

void scripted_node::crash(const std::string& name, int status) {
  exit(name, status);
  run();
}

void scripted_node::shutdown() {
  caf::anon_send(node, shutdown_atom::value);
  run();
}

} // namespace duende::test
