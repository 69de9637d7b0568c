#include "apps/duende/commands.hpp"
#include "apps/duende/doctor_checks.hpp"
#include "apps/duende/terminal.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace duende::cli {
namespace {

constexpr std::string_view word_of(verdict how) {
  switch (how) {
    case verdict::fine: return "ok";
    case verdict::limited: return "limited";
    case verdict::bad: break;
  }
  return "bad";
}

color color_of(verdict how) {
  return how == verdict::fine ? color::green : how == verdict::limited ? color::yellow : color::red;
}

void print_json(const std::vector<finding>& all) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& each : all)
    list.push_back(
      {{"area", each.area},
       {"name", each.name},
       {"status", word_of(each.how)},
       {"text", each.text},
       {"fix", each.fix}});
  fmt::print("{}\n", list.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

void print_text(const context& c, const std::vector<finding>& all) {
  bool colored = use_color(c);
  std::size_t width = 0;
  for (const auto& each : all)
    width = std::max(width, each.name.size());
  std::string_view area;
  for (const auto& each : all) {
    if (each.area != area)
      fmt::print("{}{}\n", area.empty() ? "" : "\n", paint(each.area, color::bold, colored));
    area = each.area;
    fmt::print(
      "  {}  {:{}}  {}\n", paint(fmt::format("{:7}", word_of(each.how)), color_of(each.how), colored), each.name, width,
      printable(each.text));
    if (!each.fix.empty())
      fmt::print("  {:7}  {:{}}  {}\n", "", "", width, paint("fix: " + printable(each.fix), color::dim, colored));
  }
}

} // namespace

std::vector<finding> examine(const context& c) {
  std::vector<finding> all;
  examine_backends(all);
  std::stable_partition(all.begin(), all.end(), [](const finding& each) { return each.area != "engines"; });
  examine_places(all, c);
  examine_limits(all);
  examine_kernel(all);
  examine_cgroups(all);
  examine_sandboxes(all);
  examine_daemons(all, c);
  return all;
}

int doctor(const context& c, bool as_json) {
  auto all = examine(c);
  auto bad = std::count_if(all.begin(), all.end(), [](const finding& each) { return each.how == verdict::bad; });
  if (as_json) {
    print_json(all);
  } else {
    print_text(c, all);
    auto limited =
      std::count_if(all.begin(), all.end(), [](const finding& each) { return each.how == verdict::limited; });
    note(
      c, fmt::format(
           "\n{} of {} are fine, {} limited, {} bad", static_cast<long>(all.size()) - limited - bad, all.size(),
           limited, bad));
  }
  if (bad > 0)
    print_error("duende can't work here as it should: see what is 'bad', and its fix");
  return bad > 0 ? failed : done;
}

} // namespace duende::cli
