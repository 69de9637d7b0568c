#include "actors/node.hpp"

#include "core/config/graph.hpp"

namespace duende {
namespace {

child_seed seed_for(const daemon_spec_ptr& spec) {
  child_seed seed;
  seed.spec = spec;
  seed.name = spec->name;
  seed.id = uuid::random();
  seed.desired = spec->autostart ? desired_state::up : desired_state::down;
  return seed;
}

child_seed seed_for(std::shared_ptr<supervisor_seed> below) {
  child_seed seed;
  seed.kind = child_kind::supervisor;
  seed.name = below->spec.name;
  seed.id = uuid::random();
  seed.supervisor = std::move(below);
  return seed;
}

} // namespace

std::shared_ptr<supervisor_seed> make_tree(const stack& from) {
  std::map<std::string, std::shared_ptr<supervisor_seed>> seeds;
  auto root = seeds["root"] = std::make_shared<supervisor_seed>();
  root->spec.name = "root";
  root->spec.intensity = {10, 60s};
  for (auto& spec : from.supervisors) {
    seeds[spec.name] = std::make_shared<supervisor_seed>();
    seeds[spec.name]->spec = spec;
  }
  auto dependants = dependants_of(from.daemons);
  for (auto& [name, seed] : seeds) {
    seed->dependants = dependants;
    for (auto& each : children_of(from, name))
      seed->children.push_back(
        each.is_supervisor ? seed_for(seeds.at(from.supervisors[each.index].name))
                           : seed_for(from.daemons.shared(each.index)));
  }
  return root;
}

dependants_ptr dependants_of(const spec_list& daemons) {
  auto result = std::make_shared<dependants_map>();
  for (auto& spec : daemons)
    for (auto& each : spec.depends_on)
      (*result)[each.name].push_back(spec.name);
  return result;
}

} // namespace duende
