#include "apps/duende/client.hpp"
#include "apps/duende/commands.hpp"
#include "apps/duende/event_stream.hpp"
#include "apps/duende/node_return.hpp"
#include "apps/duende/show.hpp"

#include "core/time.hpp"
#include <fmt/ranges.h>

namespace duende::cli {
namespace {

/// The keeper starts a node again after 10 s at the latest.
constexpr auto follow_patience = std::chrono::seconds{15};

} // namespace

int events(const context& c, const events_options& options) {
  bool colored = use_color(c);
  auto show = [&](const json& event) {
    fmt::print("{}\n", options.as_json ? event.dump() : event_line(event, colored));
    std::fflush(stdout);
  };
  auto query = options.since.empty() ? std::string{} : "&since=" + api_encode(options.since);
  if (!options.which.empty())
    query += "&daemon=" + api_encode(fmt::format("{}", fmt::join(with_instances(c, options.which), ",")));
  if (!options.kinds.empty())
    query += "&kind=" + api_encode(options.kinds);
  client node{c.socket()};
  if (!options.follow) {
    auto found =
      node.send_json({.target = "/v1/events?limit=" + std::string{options.since.empty() ? "100" : "100000"} + query});
    if (!found)
      return report("cannot list events", found.error());
    if (options.as_json)
      fmt::print("{}\n", found->dump(2));
    else
      for (const auto& event : *found)
        show(event);
    return done;
  }
  event_stream stream;
  node_return back{c.socket()};
  const auto began = to_rfc3339(wall_now());
  bool reached = false; // the first connection must work; later ones get time, for a node that comes back
  bool heard = true;
  while (true) {
    request what{.target = "/v1/events?" + query, .headers = {{"Accept", "text/event-stream"}}};
    if (reached && stream.last_id() == 0 && options.since.empty())
      what.target += "&since=" + api_encode(began); // nothing has come yet, and nothing is to be missed
    if (stream.last_id() > 0)
      what.headers.emplace_back("Last-Event-ID", std::to_string(stream.last_id()));
    stream.restart();
    bool again = std::exchange(heard, false);
    auto result = node.stream(what, [&](std::string_view data) {
      reached = heard = true;
      stream.feed(data, show);
      return true;
    });
    if (!result && (code_of(result.error()) != errc::unreachable || !reached))
      return report("cannot follow events", result.error());
    if (heard || (result && again))
      continue; // the stream broke: perhaps the node is there
    if (!back.wait(follow_patience))
      return report(
        "cannot follow events",
        result ? fail(errc::unreachable, "the node at {} ends each stream", c.socket()) : result.error());
  }
}

} // namespace duende::cli
