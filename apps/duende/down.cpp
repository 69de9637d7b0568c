#include "apps/duende/client.hpp"
#include "apps/duende/commands.hpp"
#include "apps/duende/process.hpp"
#include "core/units.hpp"

#include <algorithm>

namespace duende::cli {

int down(const context& c, const std::string& timeout) {
  auto deadline = instant::max();
  if (!timeout.empty()) {
    auto patience = parse_duration(timeout);
    if (!patience)
      return report("--timeout", patience.error());
    deadline = monotonic_now() + *patience;
  }
  client node{c.socket()};
  auto info = node.send_json({.target = "/v1/node"});
  if (!info)
    return report("", info.error());
  // Both are opened while the node answers, so they can't be somebody else's later.
  process_handle node_process{info->value("pid", 0)};
  process_handle keeper{info->value("keeper_pid", 0)};
  auto stopped = node.send({.method = "POST", .target = "/v1/node/stop"});
  if (!stopped)
    return report("cannot stop the node", stopped.error());
  bool over = node_process.wait_until(deadline);
  while (over && !keeper.wait_until(std::min(deadline, monotonic_now() + std::chrono::seconds{2}))) {
    over = monotonic_now() < deadline;
    auto now =
      node.send_json({.target = "/v1/node"}); // a node that crashed while it stopped was started again by its keeper
    if (now && !now->value("stopping", false))
      return report(
        "cannot stop the node", fail(errc::internal, "it crashed on the way and was started again; try again"));
  }
  if (!over)
    return report(
      "down",
      fail(errc::timed_out, "the node is still stopping after {}: 'duende ps' shows what it waits for", timeout));
  note(c, fmt::format("node '{}' has stopped", printable(info->value("name", c.node))));
  return done;
}

} // namespace duende::cli
