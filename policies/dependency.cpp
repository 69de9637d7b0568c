#include "policies/dependency.hpp"

#include "core/errc.hpp"

#include <algorithm>
#include <functional>
#include <queue>
#include <unordered_map>

namespace duende {
namespace {

std::string_view words(milestone until) {
  switch (until) {
    case milestone::started: return "start";
    case milestone::completed: return "complete";
    case milestone::down: return "end";
    case milestone::ready: break;
  }
  return "be ready";
}

using edges = std::vector<std::vector<std::size_t>>;

edges resolved(std::span<const dependency_node> nodes) {
  std::unordered_map<std::string_view, std::size_t> by_name;
  by_name.reserve(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i)
    by_name.emplace(nodes[i].name, i);
  edges needs(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i)
    for (auto name : nodes[i].needs)
      if (auto found = by_name.find(name); found != by_name.end())
        needs[i].push_back(found->second);
  return needs;
}

// Every node left over needs another one left over, so following these ends in a cycle.
std::string cycle_text(std::span<const dependency_node> nodes, const edges& needs, const std::vector<bool>& placed) {
  auto next = [&](std::size_t i) {
    return *std::find_if(needs[i].begin(), needs[i].end(), [&](std::size_t n) { return !placed[n]; });
  };
  std::size_t at = static_cast<std::size_t>(std::find(placed.begin(), placed.end(), false) - placed.begin());
  std::vector<bool> seen(nodes.size());
  while (!seen[at]) {
    seen[at] = true;
    at = next(at);
  }
  std::vector<std::size_t> cycle;
  auto first = at;
  do {
    cycle.push_back(at);
    at = next(at);
  } while (at != first);
  // Told from its first member in the file, whichever way it was found.
  std::rotate(cycle.begin(), std::min_element(cycle.begin(), cycle.end()), cycle.end());
  std::string text = "dependency cycle: ";
  for (auto i : cycle)
    text += fmt::format("'{}' needs ", nodes[i].name);
  return text + fmt::format("'{}'", nodes[cycle.front()].name);
}

std::vector<dependency_node> nodes_of(std::span<const daemon_spec> daemons) {
  std::vector<dependency_node> nodes;
  nodes.reserve(daemons.size());
  for (const auto& daemon : daemons) {
    auto& node = nodes.emplace_back(dependency_node{daemon.name, {}});
    for (const auto& need : daemon.depends_on)
      node.needs.push_back(need.name);
  }
  return nodes;
}

} // namespace

std::string waiting_text(std::string_view name, milestone until) {
  return fmt::format("waits for '{}' to {}", name, words(until));
}

std::string waiting_text(std::span<const dependency> unmet) {
  std::string text;
  for (std::size_t i = 0; i < unmet.size(); ++i) {
    text += i == 0 ? "waits for " : i + 1 < unmet.size() ? ", " : " and ";
    text += fmt::format("'{}' to {}", unmet[i].name, words(unmet[i].until));
  }
  return text;
}

caf::expected<std::vector<std::size_t>> start_order(std::span<const dependency_node> nodes) {
  const auto needs = resolved(nodes);
  edges needed_by(nodes.size());
  std::vector<std::size_t> open(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    open[i] = needs[i].size();
    for (auto n : needs[i])
      needed_by[n].push_back(i);
  }
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> free;
  for (std::size_t i = 0; i < nodes.size(); ++i)
    if (open[i] == 0)
      free.push(i);
  std::vector<std::size_t> order;
  std::vector<bool> placed(nodes.size());
  order.reserve(nodes.size());
  while (!free.empty()) {
    const auto i = free.top();
    free.pop();
    placed[i] = true;
    order.push_back(i);
    for (auto dependant : needed_by[i])
      if (--open[dependant] == 0)
        free.push(dependant);
  }
  if (order.size() < nodes.size())
    return make_error(errc::invalid_config, cycle_text(nodes, needs, placed));
  return order;
}

caf::expected<std::vector<std::size_t>> start_order(std::span<const daemon_spec> daemons) {
  return start_order(nodes_of(daemons));
}

caf::expected<std::vector<std::size_t>> teardown_order(std::span<const daemon_spec> daemons) {
  auto order = start_order(daemons);
  if (order)
    std::reverse(order->begin(), order->end());
  return order;
}

} // namespace duende
