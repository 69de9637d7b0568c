// /v1/events: a JSON array, or server-sent events (WHATWG HTML, 9.2) that resume by Last-Event-ID.
#include "actors/api/event_hub.hpp"
#include "actors/api/json.hpp"
#include "actors/api/parameters.hpp"
#include "actors/api/routes.hpp"
#include "actors/api/wake_fd.hpp"

#include <fmt/format.h>

#include <charconv>
#include <mutex>
#include <vector>

namespace duende::api {
namespace {

constexpr std::uint64_t max_events = 100'000;
constexpr std::size_t max_backlog = 1000;

/// What the history hands over and the connection has not sent yet. Bounded: a follower that falls behind is cut off from the
/// history and asks it again from where it is, so nothing is lost and nobody waits for it.
struct backlog {
  std::mutex mutex;
  std::vector<event> events;
  std::int64_t seen = 0; ///< the last one, whether it was asked for or not
  bool cut_off = false;
  wake_fd wake;

  bool take(const std::vector<event>& batch, const event_query& filter) {
    std::lock_guard lock{mutex};
    if (cut_off)
      return false;
    if (events.size() + batch.size() > max_backlog && !events.empty())
      cut_off = true;
    else
      for (const auto& x : batch) {
        seen = x.id;
        if (reaches(filter, x))
          events.push_back(x);
      }
    wake.raise();
    return !cut_off;
  }
};

std::string all_kinds() {
  std::string text;
  for (auto i = 0u; i <= static_cast<unsigned>(event_kind::upgrade); ++i)
    text += fmt::format("{}{}", i == 0 ? "" : ", ", to_string(static_cast<event_kind>(i)));
  return text;
}

/// The history's thread and what it has handed over.
struct own_subscription {
  std::shared_ptr<backlog> queue = std::make_shared<backlog>();
  std::shared_ptr<void> token; ///< null: the system has no thread or descriptor left

  own_subscription(const api_context& context, const event_query& filter, std::int64_t last) {
    if (queue->wake.fd() >= 0)
      token = context.node.follow_events(
        last, [to = queue, filter](const std::vector<event>& batch) { return to->take(batch, filter); });
  }
};

/// Sends what comes after `last` until the peer goes or the hub goes on; true where the history has to be asked again.
/// `mine`: a subscription from `last` on that there is already, or null.
bool follow(
  const api_context& context, response_stream& stream, const event_query& filter, std::int64_t& last,
  std::shared_ptr<own_subscription> mine) {
  if (!mine && context.hub != nullptr && context.hub->take(stream, filter, last))
    return false;
  if (!mine)
    mine = std::make_shared<own_subscription>(context, filter, last);
  if (!mine->token)
    stream.write(": cannot follow: the system has no thread or descriptor left\n\n");
  const auto& queue = mine->queue;
  while (mine->token && stream.wait_for(queue->wake.fd())) {
    queue->wake.lower();
    std::vector<event> batch;
    bool cut_off = false;
    {
      std::lock_guard lock{queue->mutex};
      batch.swap(queue->events);
      cut_off = queue->cut_off;
      last = std::max(last, queue->seen);
    }
    std::string text;
    for (const auto& x : batch)
      text += as_message(x);
    if (!stream.write(text))
      break;
    if (cut_off)
      return true;
    if (context.hub != nullptr && context.hub->take(stream, filter, last))
      break;
  }
  std::lock_guard lock{queue->mutex};
  queue->cut_off = true;
  return false;
}

http_response stream_events(const api_context& context, event_query query, bool from_id, bool from_time) {
  auto last = query.after_id;
  std::string first;
  auto newest = newest_event_id(context.node);
  if (!newest)
    return problem(newest.error());
  if (
    last
    > *newest) // an id of another history: everything is new to this follower, and leaving it out would be a silent gap
    last = 0;
  if (!from_id) {
    last = *newest;
    if (from_time) {
      query.limit = max_events;
      auto stored = context.node.events(query);
      if (!stored)
        return problem(stored.error());
      for (const auto& x : *stored) {
        first += as_message(x);
        last = std::max(last, x.id);
      }
    }
  }
  std::shared_ptr<own_subscription> mine;
  if (context.hub == nullptr || !context.hub->prepare(last))
    mine = std::make_shared<own_subscription>(context, query, last);
  if (mine && !mine->token)
    return busy("cannot follow: the system has no thread or descriptor left");
  http_response response;
  response.content_type = "text/event-stream";
  response.headers.emplace_back("Cache-Control", "no-store");
  response.stream = [&context, last, first = std::move(first), query, mine](response_stream& stream) mutable {
    // A comment first: the head alone is no proof to the follower that the node listens.
    // And then where it stands: should the node die before the next event, the follower goes on from here.
    if (stream.write(": follows\n\n") && stream.write(first + fmt::format("id: {}\n\n", last)))
      while (follow(context, stream, query, last, std::exchange(mine, nullptr))) {
      }
  };
  return response;
}

} // namespace

caf::expected<std::int64_t> newest_event_id(control& node) {
  event_query query;
  query.limit = 1;
  auto found = node.events(query);
  if (!found)
    return found.error();
  return found->empty() ? 0 : found->back().id;
}

http_response list_events(const api_context& context, const http_request& request, const std::string&) {
  auto since = since_parameter(request);
  auto limit = count_parameter(request, "limit", 1000, max_events);
  auto after = count_parameter(request, "after", 0, INT64_MAX);
  if (!since || !limit || !after)
    return malformed(!since ? since.error() : !limit ? limit.error() : after.error());
  event_query query;
  query.since = *since;
  query.limit = *limit;
  query.after_id = static_cast<std::int64_t>(*after);
  query.daemons = list_parameter(request, "daemon");
  for (const auto& word : list_parameter(request, "kind")) {
    auto kind = parse_enum<event_kind>(word);
    if (!kind)
      return malformed(fail(errc::invalid_config, "parameter 'kind': '{}' is none of {}", word, all_kinds()));
    query.kinds |= bit_of(*kind);
  }
  if (query.daemons.size() > max_event_filters)
    return malformed(fail(errc::invalid_config, "parameter 'daemon': more than {} names", max_event_filters));
  bool from_id = request.has_parameter("after");
  if (auto id = request.header("last-event-id"); !id.empty()) {
    auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), query.after_id);
    if (error != std::errc{} || end != id.data() + id.size() || query.after_id < 0)
      return malformed(fail(errc::invalid_config, "Last-Event-ID: expected the number of an event, not '{}'", id));
    from_id = true;
  }
  if (request.header("accept").find("text/event-stream") != std::string_view::npos)
    return stream_events(context, std::move(query), from_id, since->has_value());
  auto found = context.node.events(query);
  if (!found)
    return problem(found.error());
  std::string body;
  json_writer out{body};
  out.begin_array();
  for (const auto& x : *found)
    write_json(out, x);
  out.end_array();
  return json_response(200, std::move(body));
}

} // namespace duende::api
