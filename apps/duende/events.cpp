#include "apps/duende/client.hpp"
#include "apps/duende/commands.hpp"
#include "apps/duende/event_stream.hpp"
#include "apps/duende/show.hpp"

#include <thread>

namespace duende::cli {

int events(const context& c, bool follow, const std::string& since, bool as_json) {
  bool colored = use_color(c);
  auto show = [&](const json& event) {
    fmt::print("{}\n", as_json ? event.dump() : event_line(event, colored));
    std::fflush(stdout);
  };
  auto query = since.empty() ? std::string{} : "&since=" + api_encode(since);
  client node{c.socket()};
  if (!follow) {
    auto found =
      node.send_json({.target = "/v1/events?limit=" + std::string{since.empty() ? "100" : "100000"} + query});
    if (!found)
      return report("cannot list events", found.error());
    if (as_json)
      fmt::print("{}\n", found->dump(2));
    else
      for (const auto& event : *found)
        show(event);
    return done;
  }
  event_stream stream;
  int attempts_left = 1; // the first connection must work; later ones get time, for a node that comes back
  while (true) {
    request what{.target = "/v1/events?" + query, .headers = {{"Accept", "text/event-stream"}}};
    if (stream.last_id() > 0)
      what.headers.emplace_back("Last-Event-ID", std::to_string(stream.last_id()));
    stream.restart();
    auto result = node.stream(what, [&](std::string_view data) {
      attempts_left = 50;
      stream.feed(data, show);
      return true;
    });
    if (!result && (code_of(result.error()) != errc::unreachable || --attempts_left <= 0))
      return report("cannot follow events", result.error());
    std::this_thread::sleep_for(std::chrono::milliseconds{200});
  }
}

} // namespace duende::cli
