#include "apps/duende/node_feed.hpp"

#include "apps/duende/event_stream.hpp"

#include <poll.h>

namespace duende::cli {
namespace {

constexpr auto retry_pause_ms = 200;
constexpr int max_retries = 150; ///< 30 s: the keeper starts a node again after 10 s at the latest

} // namespace

node_feed::node_feed(std::string socket, std::string since)
  : socket_(std::move(socket)), since_(std::move(since)), client_(socket_), thread_([this] { run(); }) {}

node_feed::~node_feed() {
  stopping_ = true;
  stop_.raise();
  client_.cancel();
  thread_.join();
}

bool node_feed::pause() {
  pollfd waiting{stop_.fd(), POLLIN, 0};
  return poll(&waiting, 1, retry_pause_ms) == 0 && !stopping_;
}

void node_feed::run() {
  event_stream stream;
  int failures = 0;
  do {
    request what{.target = "/v1/events?since=" + api_encode(since_), .headers = {{"Accept", "text/event-stream"}}};
    if (stream.last_id() > 0)
      what.headers.emplace_back("Last-Event-ID", std::to_string(stream.last_id()));
    stream.restart();
    auto result = client_.stream(what, [&](std::string_view data) {
      failures = 0;
      stream.feed(data, [&](const json& event) {
        std::lock_guard lock{mutex_};
        events_.push_back(event);
      });
      wake_.raise();
      return !stopping_;
    });
    failures += result ? 0 : 1;
  } while (failures < max_retries && pause());
  lost_ = true;
  wake_.raise();
}

std::vector<json> node_feed::take() {
  wake_.lower();
  std::lock_guard lock{mutex_};
  return std::exchange(events_, {});
}

} // namespace duende::cli
