#include "apps/duende/client.hpp"
#include "apps/duende/commands.hpp"
#include "apps/duende/show.hpp"

#include <map>

namespace duende::cli {
namespace {

std::string supervisor_line(const json& supervisor) {
  auto intensity = supervisor.value("intensity", json::object());
  auto line = fmt::format(
    "{}  {}, {} restarts in {:g} s", printable(text_of(supervisor, "name")), text_of(supervisor, "strategy"),
    number_of(intensity, "restarts"), number_of(intensity, "window_seconds"));
  if (text_of(supervisor, "state") != "running")
    line += ", " + text_of(supervisor, "state");
  return line;
}

std::string daemon_line(const json& child, bool colored) {
  auto state = text_of(child, "state");
  auto line = fmt::format("{}  {}", printable(text_of(child, "name")), paint(state, color_of_state(state), colored));
  if (number_of(child, "pid") > 0)
    line += fmt::format("  {}", static_cast<long>(number_of(child, "pid")));
  if (number_of(child, "restarts") > 0)
    line += fmt::format("  {} restarts", static_cast<long>(number_of(child, "restarts")));
  return line;
}

class tree_printer {
public:
  tree_printer(const json& supervisors, bool colored) : colored_(colored) {
    for (const auto& supervisor : supervisors)
      by_name_.emplace(text_of(supervisor, "name"), &supervisor);
  }

  void print(const std::string& name, const std::string& indent, int depth = 0) const {
    auto found = by_name_.find(name);
    if (found == by_name_.end() || depth > 100)
      return;
    auto children = found->second->value("children", json::array());
    for (std::size_t i = 0; i < children.size(); ++i) {
      bool last = i + 1 == children.size();
      const auto& child = children[i];
      auto child_name = text_of(child, "name");
      auto below = by_name_.find(child_name);
      bool nested = text_of(child, "kind") == "supervisor" && below != by_name_.end();
      fmt::print(
        "{}{}{}\n", indent, last ? "└─ " : "├─ ",
        nested ? supervisor_line(*below->second) : daemon_line(child, colored_));
      if (nested)
        print(child_name, indent + (last ? "   " : "│  "), depth + 1);
    }
  }

private:
  std::map<std::string, const json*> by_name_;
  bool colored_;
};

} // namespace

int tree(const context& c, bool as_json) {
  client node{c.socket()};
  auto found = node.send_json({.target = "/v1/tree"});
  if (!found)
    return report("cannot show the tree", found.error());
  if (as_json) {
    fmt::print("{}\n", found->dump(2));
    return done;
  }
  auto supervisors = found->value("supervisors", json::array());
  fmt::print("{}\n", printable(text_of(*found, "node")));
  if (!supervisors.empty()) {
    auto root = text_of(supervisors.front(), "name");
    fmt::print("{}\n", supervisor_line(supervisors.front()));
    tree_printer{supervisors, use_color(c)}.print(root, "");
  }
  return done;
}

} // namespace duende::cli
