// Commands for daemons with several instances.
#include "apps/duende/client.hpp"
#include "apps/duende/commands.hpp"
#include "apps/duende/show.hpp"
#include "core/units.hpp"

namespace duende::cli {

names with_instances(const context& c, const names& which) {
  client node{c.socket()};
  auto all = node.send_json({.target = "/v1/daemons"});
  if (!all)
    return which; // the command itself will say why
  names result;
  for (const auto& name : which) {
    auto before = result.size();
    for (const auto& daemon : *all)
      if (goes_by(daemon, name))
        result.push_back(text_of(daemon, "name"));
    if (result.size() == before)
      result.push_back(name);
  }
  return result;
}

int restart_rolling(const context& c, const names& which, const std::string& timeout) {
  duration patience = std::chrono::minutes{10};
  if (!timeout.empty()) {
    auto parsed = parse_duration(timeout);
    if (!parsed)
      return report("--timeout", parsed.error());
    patience = *parsed;
  }
  for (const auto& name : which) {
    client node{c.socket()};
    auto replaced = node.send_json(
      {.method = "POST",
       .target = daemon_target(name, fmt::format("/restart?rolling=1&timeout={}", format_duration(patience))),
       .patience = patience + std::chrono::seconds{15}});
    if (!replaced)
      return report(fmt::format("cannot restart '{}'", name), replaced.error());
    if (c.verbose)
      for (const auto& each : replaced->value("replaced", json::array()))
        fmt::print("{}: running\n", printable(each.get<std::string>()));
  }
  return done;
}

int scale(const context& c, const std::string& name, std::uint32_t instances) {
  client node{c.socket()};
  auto plan = node.send_json(
    {.method = "POST",
     .target = daemon_target(name, "/scale"),
     .body = json{{"instances", instances}}.dump(),
     .patience = std::chrono::minutes{10}});
  if (!plan)
    return report(fmt::format("cannot scale '{}'", name), plan.error());
  print_plan(c, *plan, false);
  return done;
}

} // namespace duende::cli
