// The daemons of the node that answers here: how well each is confined.
#include "apps/duende/client.hpp"
#include "apps/duende/doctor_checks.hpp"
#include "apps/duende/sandbox_view.hpp"

#include <algorithm>

namespace duende::cli {
namespace {

constexpr std::size_t looked_at = 100, shown = 5;
constexpr double well = 60;

struct rated {
  std::string name;
  double score;
  json daemon;
};

} // namespace

void examine_daemons(std::vector<finding>& to, const context& c) {
  client node{c.socket()};
  auto all = node.send_json({.target = "/v1/daemons"});
  if (!all || !all->is_array())
    return; // no node: "places" says so
  std::vector<rated> confined;
  for (const auto& each : *all) {
    if (number_of(each, "pid") <= 0 || confined.size() == looked_at)
      continue;
    auto one = node.send_json({.target = daemon_target(text_of(each, "name"))});
    if (one && (*one)["sandbox"].is_object())
      confined.push_back({text_of(each, "name"), number_of((*one)["sandbox"], "score"), std::move(*one)});
  }
  std::stable_sort(confined.begin(), confined.end(), [](auto& a, auto& b) { return a.score < b.score; });
  for (std::size_t i = 0; i < std::min(confined.size(), shown); ++i) {
    std::string fix;
    for (const auto& step : sandbox_steps(confined[i].daemon))
      fix += (fix.empty() ? "" : "; ") + step;
    to.push_back(
      {"daemons", confined[i].name, confined[i].score >= well ? verdict::fine : verdict::limited,
       "sandbox " + sandbox_line(confined[i].daemon), fix});
  }
  if (confined.size() > shown)
    to.push_back(
      {"daemons",
       "others",
       verdict::fine,
       fmt::format("{} more are confined better than these", confined.size() - shown),
       {}});
}

} // namespace duende::cli
