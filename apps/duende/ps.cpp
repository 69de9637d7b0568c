#include "apps/duende/client.hpp"
#include "apps/duende/commands.hpp"
#include "apps/duende/show.hpp"
#include "apps/duende/terminal.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

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

/// Draws again after each event, at most five times a second; without events it sleeps.
int watch_daemons(const context& c, const names& which, bool as_json) {
  client node{c.socket()}, feed{c.socket()};
  std::mutex mutex;
  std::condition_variable changed;
  bool dirty = true, over = false;
  std::thread follower{[&] {
    (void)feed.stream({.target = "/v1/events", .headers = {{"Accept", "text/event-stream"}}}, [&](std::string_view) {
      std::lock_guard lock{mutex};
      dirty = true;
      changed.notify_one();
      return true;
    });
    std::lock_guard lock{mutex};
    over = true;
    changed.notify_one();
  }};
  int code = done;
  while (true) {
    {
      std::unique_lock lock{mutex};
      changed.wait(lock, [&] { return dirty || over; });
      if (over && !dirty)
        break;
      dirty = false;
    }
    auto daemons = fetch(node, which);
    if (!daemons) {
      code = report("cannot watch", daemons.error());
      break;
    }
    auto text = as_json ? daemons->dump() + "\n" : render(c, *daemons);
    fmt::print("{}{}", !as_json && isatty(STDOUT_FILENO) ? "\x1b[H\x1b[2J" : "", text);
    std::fflush(stdout);
    std::unique_lock lock{mutex};
    changed.wait_for(lock, std::chrono::milliseconds{200}, [&] { return over; });
  }
  feed.cancel();
  follower.join();
  if (code == done) {
    print_error(fmt::format("the node at {} has ended", c.socket()));
    code = not_reachable;
  }
  return code;
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
