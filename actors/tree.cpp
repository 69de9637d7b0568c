#include "actors/node.hpp"

#include <algorithm>

namespace duende {
namespace {

child_seed seed_for(const daemon_spec& spec) {
  child_seed seed;
  seed.spec = std::make_shared<const daemon_spec>(spec);
  seed.name = spec.name;
  seed.id = uuid::random();
  seed.desired = spec.autostart ? desired_state::up : desired_state::down;
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
  std::map<std::string, bool> placed;
  auto root = std::make_shared<supervisor_seed>();
  root->spec.name = "root";
  root->spec.intensity = {10, 60s};
  root->dependants = dependants_of(from.daemons);
  seeds["root"] = root;
  for (auto& spec : from.supervisors) {
    seeds[spec.name] = std::make_shared<supervisor_seed>();
    seeds[spec.name]->spec = spec;
  }
  // a supervisor stands where its first daemon stands: placed when that is met, parents first
  auto place = [&](auto& again, const std::string& name) -> void {
    if (name == "root" || std::exchange(placed[name], true))
      return;
    auto& seed = seeds.at(name);
    again(again, seed->spec.parent);
    seeds.at(seed->spec.parent)->children.push_back(seed_for(seed));
  };
  for (auto& spec : from.daemons) {
    place(place, spec.supervisor);
    seeds.at(spec.supervisor)->children.push_back(seed_for(spec));
  }
  for (auto& spec : from.supervisors)
    place(place, spec.name);
  return root;
}

dependants_ptr dependants_of(const std::vector<daemon_spec>& daemons) {
  auto result = std::make_shared<dependants_map>();
  for (auto& spec : daemons)
    for (auto& each : spec.depends_on)
      (*result)[each.name].push_back(spec.name);
  return result;
}

} // namespace duende
