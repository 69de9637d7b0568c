#include "apps/duende/client.hpp"
#include "apps/duende/commands.hpp"
#include "apps/duende/node_return.hpp"
#include "apps/duende/process.hpp"
#include "apps/duende/show.hpp"
#include "core/units.hpp"

#include <optional>
#include <thread>

namespace duende::cli {
namespace {

constexpr auto leave_bound = std::chrono::seconds{15};  ///< the keeper ends a node that hesitates after 10 s
constexpr auto return_bound = std::chrono::seconds{75}; ///< 30 s for the new program, and as long for the old one

/// The node's answer where one with a later generation serves.
std::optional<json> ask_successor(const context& c, std::int64_t generation) {
  client node{c.socket()};
  auto info = node.send_json({.target = "/v1/node", .patience = std::chrono::seconds{5}});
  return info && info->value("generation", std::int64_t{0}) > generation ? std::optional{std::move(*info)}
                                                                         : std::nullopt;
}

/// The same once there is one.
std::optional<json> await_successor(const context& c, std::int64_t generation) {
  node_return back{c.socket()};
  auto deadline = monotonic_now() + return_bound;
  do {
    if (auto info = ask_successor(c, generation))
      return info;
  } while (back.wait(deadline - monotonic_now()) || monotonic_now() < deadline);
  return std::nullopt;
}

/// The same of a node on another machine, whose socket nobody here sees come and go.
std::optional<json> await_remote_successor(const context& c, std::int64_t generation) {
  for (auto deadline = monotonic_now() + leave_bound + return_bound; monotonic_now() < deadline;) {
    if (auto info = ask_successor(c, generation))
      return info;
    std::this_thread::sleep_for(remote_pause);
  }
  return std::nullopt;
}

/// Why the node says that it did not become another one.
std::string cause_of_failure(const context& c) {
  client node{c.socket()};
  std::string cause = "the new program did not come up, the old one is back";
  if (
    auto events =
      node.send_json({.target = "/v1/events?since=" + api_encode(to_rfc3339(wall_now() - std::chrono::minutes{5}))}))
    for (const auto& each : *events)
      if (text_of(each, "kind") == "upgrade")
        cause = text_of(each, "text");
  return cause;
}

} // namespace

int upgrade(const context& c) {
  client node{c.socket()};
  auto before = node.send_json({.target = "/v1/node"});
  if (!before)
    return report("", before.error());
  auto generation = before->value("generation", std::int64_t{1});
  process_handle process{c.remote() ? 0 : before->value("pid", 0)}; // another machine's number is nobody here
  auto begun = monotonic_now();
  // Unreachable: it was gone before the answer was through, as it was asked to.
  auto accepted = node.send({.method = "POST", .target = "/v1/node/upgrade"});
  if (!accepted && code_of(accepted.error()) != errc::unreachable)
    return report("cannot upgrade the node", accepted.error());
  if (!process.wait_until(begun + leave_bound))
    return report("upgrade", make_error(errc::timed_out, "the node has not made way; see 'duende events'"));
  auto after = c.remote() ? await_remote_successor(c, generation) : await_successor(c, generation);
  if (!after)
    return report("upgrade", make_error(errc::timed_out, "no node came back; its keeper goes on trying"));
  if (after->value("generation", std::int64_t{0}) != generation + 1) {
    print_error(cause_of_failure(c));
    return failed;
  }
  note(
    c, fmt::format(
         "node '{}': version {} took the place of {} after {}, no daemon noticed", printable(text_of(*after, "name")),
         printable(text_of(*after, "version")), printable(text_of(*before, "version")),
         human_duration(monotonic_now() - begun)));
  return done;
}

} // namespace duende::cli
