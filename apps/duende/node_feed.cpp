#include "apps/duende/node_feed.hpp"

#include "apps/duende/event_stream.hpp"
#include "apps/duende/node_return.hpp"

#include <unistd.h>

namespace duende::cli {
namespace {

/// The keeper starts a node again after 10 s at the latest.
constexpr auto patience = std::chrono::seconds{30};

} // namespace

node_feed::node_feed(std::string socket, std::string since)
  : socket_(std::move(socket)), since_(std::move(since)), client_(socket_), thread_([this] { run(); }) {}

node_feed::~node_feed() {
  stopping_ = true;
  stop_.raise();
  client_.cancel();
  thread_.join();
}

void node_feed::run() {
  [[maybe_unused]] int priority = ::nice(5); // of this thread: reading the news is not on the way of what makes them
  event_stream stream;
  node_return back{socket_};
  bool heard = true, again = true;
  do {
    request what{.target = "/v1/events?since=" + api_encode(since_), .headers = {{"Accept", "text/event-stream"}}};
    if (stream.last_id() > 0)
      what.headers.emplace_back("Last-Event-ID", std::to_string(stream.last_id()));
    stream.restart();
    again = std::exchange(heard, false);
    client_.stream(what, [&](std::string_view data) {
      heard = true;
      stream.feed(data, [&](const json& event) {
        std::lock_guard lock{mutex_};
        events_.push_back(event);
      });
      wake_.raise();
      return !stopping_;
    });
  } while (!stopping_ && (heard || again || back.wait(patience, stop_.fd())));
  lost_ = true;
  wake_.raise();
}

std::vector<json> node_feed::take() {
  wake_.lower();
  std::lock_guard lock{mutex_};
  return std::exchange(events_, {});
}

} // namespace duende::cli
