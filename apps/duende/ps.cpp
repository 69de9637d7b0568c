#include "apps/duende/client.hpp"
#include "apps/duende/commands.hpp"
#include "apps/duende/node_feed.hpp"
#include "apps/duende/show.hpp"
#include "apps/duende/terminal.hpp"
#include "core/time.hpp"

#include <poll.h>
#include <unistd.h>

namespace duende::cli {
namespace {

caf::expected<json> fetch(client& node, const names& which) {
  auto all = node.send_json({.target = "/v1/daemons"});
  if (!all || which.empty())
    return all;
  json chosen = json::array();
  for (const auto& name : which) {
    auto before = chosen.size();
    for (const auto& daemon : *all)
      if (goes_by(daemon, name))
        chosen.push_back(daemon);
    if (chosen.size() == before)
      return fail(errc::not_found, "no daemon named '{}'; 'duende ps' lists all", name);
  }
  return chosen;
}

std::string render(const context& c, const json& daemons) {
  table out{{"NAME", "STATE", "PID", "RESTARTS", "UPTIME", "CPU", "MEMORY", "NOTE"}};
  for (const auto& daemon : daemons)
    out.add(daemon_row(daemon));
  return daemons.empty() ? "no daemons\n" : out.render(terminal_width(), use_color(c));
}

/// Draws again after each event, at most five times a second; without events it sleeps. Goes on when the node was restarted.
int watch_daemons(const context& c, const names& which, bool as_json) {
  constexpr int shortest_pause_ms = 200, next_try_ms = 1000;
  client node{c.socket()};
  node_feed feed{c.socket(), to_rfc3339(wall_now())};
  bool drawn = false;
  while (!feed.lost()) {
    feed.take(); // what comes after this is drawn in the next turn
    auto daemons = fetch(node, which);
    if (!daemons && (!drawn || code_of(daemons.error()) == errc::not_found))
      return report("cannot watch", daemons.error());
    if (daemons) {
      auto text = as_json ? daemons->dump() + "\n" : render(c, *daemons);
      fmt::print("{}{}", !as_json && isatty(STDOUT_FILENO) ? "\x1b[H\x1b[2J" : "", text);
      std::fflush(stdout);
      drawn = true;
    }
    poll(nullptr, 0, shortest_pause_ms);
    pollfd news{feed.fd(), POLLIN, 0};
    poll(&news, 1, daemons ? -1 : next_try_ms);
  }
  print_error(fmt::format("the node at {} has ended", c.socket()));
  return not_reachable;
}

} // namespace

int print_names(const context& c) {
  client node{c.socket()};
  if (auto daemons = node.send_json({.target = "/v1/daemons"}))
    for (const auto& daemon : *daemons)
      fmt::print("{}\n", printable(text_of(daemon, "name")));
  return done;
}

int ps(const context& c, const names& which, bool as_json, bool watch) {
  if (watch)
    return watch_daemons(c, which, as_json);
  client node{c.socket()};
  auto daemons = fetch(node, which);
  if (!daemons)
    return report("cannot list the daemons", daemons.error());
  fmt::print("{}", as_json ? daemons->dump(2) + "\n" : render(c, *daemons));
  return done;
}

} // namespace duende::cli
