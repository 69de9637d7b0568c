#include "actors/api/exchange.hpp"

#include "actors/api/tokens.hpp"

#include <fmt/format.h>

#include <optional>

#include <sys/socket.h>
#include <unistd.h>

namespace duende::api {
namespace {

constexpr auto head_time = std::chrono::seconds{10};
constexpr auto body_time = std::chrono::seconds{30};
constexpr auto response_time = std::chrono::seconds{30};
constexpr auto parting_time = std::chrono::seconds{2};

/// What became of reading a request: complete, refused with a response, or not worth one.
struct outcome {
  bool complete = false;
  std::optional<http_response> refused;
};

outcome refused(const http_refusal& why) { return {false, problem(why)}; }

/// A peer that went away gets no response; one that is too slow does.
outcome broken(io_result result, std::string_view part) {
  if (result == io_result::timed_out)
    return refused({408, fmt::format("the {} did not arrive in time", part)});
  return {};
}

outcome read_body(connection& peer, http_request& request, std::string& rest) {
  body_framing framing;
  if (auto why = parse_framing(request, framing))
    return refused(*why);
  auto deadline = monotonic_now() + body_time;
  chunk_decoder decoder;
  auto complete = [&] { return framing.chunked ? decoder.done() : rest.size() >= framing.length; };
  if (framing.chunked)
    if (auto why = decoder.feed(rest, request.body))
      return refused(*why);
  if (!complete() && request.header("expect") == "100-continue")
    peer.send("HTTP/1.1 100 Continue\r\n\r\n", deadline);
  while (!complete()) {
    if (auto result = peer.fill(rest, deadline); result != io_result::ok)
      return broken(result, "body");
    if (framing.chunked)
      if (auto why = decoder.feed(rest, request.body))
        return refused(*why);
  }
  if (!framing.chunked) {
    rest.resize(framing.length);
    request.body = std::move(rest);
  }
  return {true, {}};
}

outcome read_request(connection& peer, const api_context& context, instant deadline, http_request& request) {
  std::string received;
  std::optional<std::size_t> head_end;
  while (!(head_end = find_head_end(received))) {
    if (received.size() > max_head_bytes)
      return refused({431, fmt::format("the head of the request is larger than {} bytes", max_head_bytes)});
    if (auto result = peer.fill(received, deadline); result != io_result::ok)
      return broken(result, "head of the request");
  }
  if (*head_end > max_head_bytes)
    return refused({431, fmt::format("the head of the request is larger than {} bytes", max_head_bytes)});
  if (auto why = parse_head(std::string_view{received}.substr(0, *head_end), request))
    return refused(*why);
  received.erase(0, *head_end);
  if (context.gate != nullptr && context.gate->guards()) {
    if (is_open_route(request)) // of somebody unknown: what it may send along is not taken in
      return {true, {}};
    if (auto why = context.gate->refuse(request, peer.peer(), monotonic_now()))
      return {false, std::move(why)};
  }
  return read_body(peer, request, received);
}

void respond(std::unique_ptr<connection>& peer, const http_request& request, http_response& response) {
  auto headers = std::move(response.headers);
  if (!response.content_type.empty())
    headers.emplace_back("Content-Type", response.content_type);
  bool chunked = response.stream && request.minor_version >= 1;
  if (chunked)
    headers.emplace_back("Transfer-Encoding", "chunked");
  else if (!response.stream && response.status != 204)
    headers.emplace_back("Content-Length", std::to_string(response.body.size()));
  headers.emplace_back("X-Content-Type-Options", "nosniff");
  auto head = make_head(response.status, headers);
  auto deadline = monotonic_now() + response_time;
  if (request.method == "HEAD" || response.stream) {
    if (peer->send(head, deadline) != io_result::ok || request.method == "HEAD")
      return;
    response_stream stream{peer, chunked};
    response.stream(stream);
    if (peer)
      stream.end();
    return;
  }
  if (response.body.size() < 16 * 1024) {
    peer->send(head + response.body, deadline);
    return;
  }
  if (peer->send(head, deadline) == io_result::ok)
    peer->send(response.body, deadline);
}

} // namespace

std::size_t serve(std::unique_ptr<connection>& peer, const api_context& context, const tls_identity* identity) {
  auto deadline = monotonic_now() + head_time;
  if (identity != nullptr && peer->secure(*identity, deadline) != io_result::ok)
    return 0;
  http_request request;
  auto read = read_request(*peer, context, deadline, request);
  if (!read.complete && !read.refused)
    return 0;
  auto response = read.complete ? answer(context, request) : std::move(*read.refused);
  respond(peer, request, response);
  if (peer)
    peer->finish(monotonic_now() + parting_time);
  return response.body.size();
}

namespace {

void answer_and_close(int fd, http_response response) {
  response.headers.emplace_back("Content-Type", response.content_type);
  response.headers.emplace_back("Content-Length", std::to_string(response.body.size()));
  auto text = make_head(response.status, response.headers) + response.body;
  ::send(fd, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  close(fd);
}

} // namespace

void turn_away(int fd) { answer_and_close(fd, busy("too many connections at once: try again")); }

void turn_stranger_away(int fd) {
  answer_and_close(
    fd,
    problem(
      403, "forbidden", "Forbidden", "this socket is for the user of the node and root; others use a token over TLS"));
}

} // namespace duende::api
