#include "apps/duende/client.hpp"
#include "apps/duende/commands.hpp"
#include "apps/duende/node_return.hpp"
#include "apps/duende/process.hpp"
#include "core/units.hpp"

#include <algorithm>
#include <thread>

namespace duende::cli {
namespace {

using namespace std::chrono_literals;

/// A keeper starts a node that crashed on its way down again within this time.
constexpr duration remote_silence = 3s;
constexpr duration remote_bound = 10min; ///< where no --timeout is given

/// The processes are another machine's: all that shows is whether somebody answers there.
caf::error await_remote_end(const context& c, instant deadline) {
  auto silent_since = instant::max();
  while (monotonic_now() < deadline) {
    client node{c.socket()};
    auto info = node.send_json({.target = "/v1/node", .patience = 5s});
    auto now = monotonic_now();
    if (info && !info->value("stopping", false))
      return fail(errc::internal, "it crashed on the way or was started again; try again");
    if (info || code_of(info.error()) != errc::unreachable)
      silent_since = instant::max();
    else if (silent_since == instant::max())
      silent_since = now;
    else if (now - silent_since >= remote_silence)
      return {};
    std::this_thread::sleep_for(std::min<duration>(remote_pause, deadline - now));
  }
  return make_error(errc::timed_out, "");
}

/// The same by the processes themselves.
caf::error
await_end(const context& c, const process_handle& node_process, const process_handle& keeper, instant deadline) {
  bool over = node_process.wait_until(deadline);
  client node{c.socket()};
  while (over && !keeper.wait_until(std::min(deadline, monotonic_now() + 2s))) {
    over = monotonic_now() < deadline;
    auto now =
      node.send_json({.target = "/v1/node"}); // a node that crashed while it stopped was started again by its keeper
    if (now && !now->value("stopping", false))
      return fail(errc::internal, "it crashed on the way and was started again; try again");
  }
  return over ? caf::error{} : make_error(errc::timed_out, "");
}

} // namespace

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
  process_handle node_process{c.remote() ? 0 : info->value("pid", 0)};
  process_handle keeper{c.remote() ? 0 : info->value("keeper_pid", 0)};
  auto stopped = node.send({.method = "POST", .target = "/v1/node/stop"});
  if (!stopped)
    return report("cannot stop the node", stopped.error());
  if (c.remote() && timeout.empty())
    deadline = monotonic_now() + remote_bound;
  auto trouble = c.remote() ? await_remote_end(c, deadline) : await_end(c, node_process, keeper, deadline);
  if (trouble && code_of(trouble) == errc::timed_out)
    return report(
      "down", fail(
                errc::timed_out, "the node is still stopping after {}: 'duende ps' shows what it waits for",
                timeout.empty() ? human_duration(remote_bound) : timeout));
  if (trouble)
    return report("cannot stop the node", trouble);
  note(c, fmt::format("node '{}' has stopped", printable(info->value("name", c.node))));
  return done;
}

} // namespace duende::cli
