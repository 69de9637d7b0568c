#include "core/config/graph.hpp"

#include "core/suggest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

namespace duende {
namespace {

constexpr std::size_t none = static_cast<std::size_t>(-1);
constexpr std::size_t max_cycles = 20;

using name_index = std::unordered_map<std::string_view, std::size_t>;

template <class Specs>
name_index index_of(const Specs& specs) {
  name_index result;
  result.reserve(specs.size());
  for (std::size_t i = 0; i < specs.size(); ++i)
    result.emplace(specs[i].name, i);
  return result;
}

template <class Specs>
std::string suggestion(std::string_view name, const Specs& specs) {
  std::vector<std::string_view> names;
  for (const auto& spec : specs)
    if (names.size() < 10'000)
      names.push_back(spec.name);
  return did_you_mean(name, names);
}

class checker {
public:
  explicit checker(const stack& value)
    : value_(value), daemons_(index_of(value.daemons)), supervisors_(index_of(value.supervisors)) {}

  std::vector<graph_fault> run() {
    check_names();
    if (check_parents())
      find_cycles();
    return std::move(faults_);
  }

private:
  /// What must have come first, and which supervisor's order says so (`none`: a dependency, or being inside of it).
  struct need {
    std::size_t node;
    std::size_t orderer = none;
    bool explicit_ = false;
  };

  // Nodes: daemons, then two for each supervisor: before its first child, after its last.
  std::size_t begin_of(std::size_t supervisor) const { return value_.daemons.size() + 2 * supervisor; }
  std::size_t end_of(std::size_t supervisor) const { return begin_of(supervisor) + 1; }

  void check_names() {
    for (std::size_t i = 0; i < value_.daemons.size(); ++i) {
      const auto& daemon = value_.daemons[i];
      if (daemon.supervisor != "root" && !supervisors_.contains(daemon.supervisor))
        unknown_supervisor({false, i}, daemon.supervisor);
      for (std::size_t k = 0; k < daemon.depends_on.size(); ++k)
        if (const auto& name = daemon.depends_on[k].name; !daemons_.contains(name))
          faults_.push_back(
            {{false, i},
             true,
             k,
             false,
             fmt::format(
               "no daemon named '{}', which '{}' depends on{}", name, daemon.name,
               faults_.size() < 100 ? suggestion(name, value_.daemons) : "")});
    }
  }

  void unknown_supervisor(child_ref who, const std::string& name) {
    faults_.push_back(
      {who, false, 0, true,
       fmt::format(
         "unknown supervisor '{}'{}", name, faults_.size() < 100 ? suggestion(name, value_.supervisors) : "")});
  }

  std::size_t parent_of(std::size_t supervisor) const {
    auto found = supervisors_.find(value_.supervisors[supervisor].parent);
    return found == supervisors_.end() ? none : found->second;
  }

  /// False where there is a cycle.
  bool check_parents() {
    std::vector<std::size_t> seen_by(value_.supervisors.size(), none);
    bool good = true;
    for (std::size_t i = 0; i < value_.supervisors.size(); ++i) {
      const auto& parent = value_.supervisors[i].parent;
      if (parent != "root" && !supervisors_.contains(parent))
        unknown_supervisor({true, i}, parent);
      auto at = i;
      while (at != none && seen_by[at] == none) {
        seen_by[at] = i;
        at = parent_of(at);
      }
      if (at == none || seen_by[at] != i)
        continue;
      good = false;
      std::string text = fmt::format("'{}'", value_.supervisors[at].name);
      for (auto next = parent_of(at);; next = parent_of(next)) {
        text += fmt::format(" below '{}'", value_.supervisors[next].name);
        if (next == at)
          break;
      }
      faults_.push_back({{true, at}, false, 0, true, fmt::format("supervisors in a cycle: {}", text)});
    }
    return good;
  }

  void collect_needs() {
    needs_.resize(value_.daemons.size() + 2 * value_.supervisors.size());
    std::vector<std::size_t> last_child(value_.supervisors.size(), none);
    auto enter = [&](std::size_t begin, std::size_t end, std::size_t supervisor) {
      if (supervisor == none)
        return;
      needs_[begin].push_back({begin_of(supervisor)});
      needs_[end_of(supervisor)].push_back({end});
      if (value_.supervisors[supervisor].strategy == strategy::one_for_one)
        return;
      if (auto& last = last_child[supervisor]; last != none)
        needs_[begin].push_back({last, supervisor});
      last_child[supervisor] = end;
    };
    for (std::size_t i = 0; i < value_.supervisors.size(); ++i) {
      enter(begin_of(i), end_of(i), parent_of(i));
      needs_[end_of(i)].push_back({begin_of(i)});
    }
    for (std::size_t i = 0; i < value_.daemons.size(); ++i) {
      auto above = supervisors_.find(value_.daemons[i].supervisor);
      enter(i, i, above == supervisors_.end() ? none : above->second);
      for (const auto& needed : value_.daemons[i].depends_on)
        if (auto found = daemons_.find(needed.name); found != daemons_.end())
          needs_[i].push_back({found->second, none, true});
    }
  }

  void find_cycles() {
    collect_needs();
    enum class colour : std::uint8_t { white, grey, black };
    std::vector<colour> colours(needs_.size(), colour::white);
    std::vector<std::pair<std::size_t, std::size_t>> path; // node, and which of its needs is next
    for (std::size_t start = 0; start < needs_.size(); ++start) {
      if (colours[start] != colour::white)
        continue;
      path.emplace_back(start, 0);
      colours[start] = colour::grey;
      while (!path.empty()) {
        auto& [node, next] = path.back();
        if (next == needs_[node].size()) {
          colours[node] = colour::black;
          path.pop_back();
          continue;
        }
        auto target = needs_[node][next++].node;
        if (colours[target] == colour::white) {
          colours[target] = colour::grey;
          path.emplace_back(target, 0);
        } else if (colours[target] == colour::grey && cycles_ < max_cycles) {
          report_cycle(path, target);
        }
      }
    }
  }

  void report_cycle(const std::vector<std::pair<std::size_t, std::size_t>>& path, std::size_t target) {
    struct step {
      std::size_t daemon;
      bool explicit_;
    };
    std::vector<step> steps;
    std::size_t orderer = none;
    auto first = std::find_if(path.begin(), path.end(), [&](const auto& entry) { return entry.first == target; });
    for (; first != path.end(); ++first) {
      const auto& taken = needs_[first->first][first->second - 1];
      if (taken.orderer != none)
        orderer = taken.orderer;
      if (first->first < value_.daemons.size())
        steps.push_back({first->first, taken.explicit_});
    }
    if (steps.empty())
      return;
    ++cycles_;
    std::rotate(
      steps.begin(), std::min_element(steps.begin(), steps.end(), [](auto a, auto b) { return a.daemon < b.daemon; }),
      steps.end());
    std::string text;
    for (const auto& [daemon, explicit_] : steps)
      text += fmt::format("'{}' {} ", value_.daemons[daemon].name, explicit_ ? "needs" : "comes after");
    text += fmt::format("'{}'", value_.daemons[steps.front().daemon].name);
    if (orderer != none)
      text += fmt::format(" ('{}' starts its children in order)", value_.supervisors[orderer].name);

    graph_fault fault{{false, steps.front().daemon}, false, 0, false, fmt::format("dependency cycle: {}", text)};
    const auto& needed = value_.daemons[steps.front().daemon].depends_on;
    const auto& follower = value_.daemons[steps[1 % steps.size()].daemon].name;
    for (std::size_t k = 0; k < needed.size() && !fault.at_dependency; ++k)
      if (needed[k].name == follower) {
        fault.at_dependency = true;
        fault.dependency = k;
      }
    faults_.push_back(std::move(fault));
  }

  const stack& value_;
  name_index daemons_, supervisors_;
  std::vector<std::vector<need>> needs_;
  std::size_t cycles_ = 0;
  std::vector<graph_fault> faults_;
};

} // namespace

std::vector<child_ref> children_of(const stack& value, std::string_view supervisor) {
  std::vector<child_ref> result;
  for (std::size_t i = 0; i < value.supervisors.size(); ++i)
    if (value.supervisors[i].parent == supervisor)
      result.push_back({true, i});
  for (std::size_t i = 0; i < value.daemons.size(); ++i)
    if (value.daemons[i].supervisor == supervisor)
      result.push_back({false, i});
  return result;
}

std::vector<graph_fault> check_graph(const stack& value) { return checker{value}.run(); }

void order_supervisors(std::vector<supervisor_spec>& supervisors) {
  auto index = index_of(supervisors);
  std::vector<std::size_t> depth(supervisors.size(), 0);
  for (std::size_t i = 0; i < supervisors.size(); ++i) {
    auto at = i;
    // A cycle is cut by the bound; who loads a file has reported it.
    while (depth[i] <= supervisors.size()) {
      auto parent = index.find(supervisors[at].parent);
      if (parent == index.end())
        break;
      at = parent->second;
      ++depth[i];
    }
  }
  std::vector<std::size_t> order(supervisors.size());
  for (std::size_t i = 0; i < order.size(); ++i)
    order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return depth[a] < depth[b]; });
  std::vector<supervisor_spec> result;
  result.reserve(supervisors.size());
  for (auto i : order)
    result.push_back(std::move(supervisors[i]));
  supervisors = std::move(result);
}

} // namespace duende
