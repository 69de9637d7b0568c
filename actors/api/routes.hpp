// What each path answers. Handlers run on the thread of their connection and may block there.
#pragma once

#include "actors/api/connection.hpp"
#include "actors/api/http.hpp"
#include "actors/control.hpp"

#include <functional>
#include <memory>
#include <string>

namespace duende {
class exporter;
}

namespace duende::api {

class event_hub;
class token_gate;

/// Where a response that has no end is written to.
class response_stream {
public:
  response_stream(std::unique_ptr<connection>& peer, bool chunked) : peer_(peer), chunked_(chunked) {}
  /// Sends a piece; false once the peer is gone, does not read for 30 s, or the server stops.
  bool write(std::string_view piece);
  /// Sleeps until `wake_fd` is readable; false as above.
  bool wait_for(int wake_fd) { return peer_->wait_for(wake_fd) == io_result::ok; }
  bool end();
  bool chunked() const { return chunked_; }
  /// The connection itself, for who goes on with the response; then nothing more is written here.
  std::unique_ptr<connection> release() { return std::move(peer_); }

private:
  std::unique_ptr<connection>& peer_;
  bool chunked_;
};

struct http_response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  http_headers headers;
  std::function<void(response_stream&)> stream; ///< where set, writes what follows the head instead of `body`
};

struct api_context {
  control& node;
  bool only_metrics = false;  ///< this listener serves /metrics, /healthz and /readyz
  bool check_browser = false; ///< a TCP listener: requests of foreign web pages are refused
  bool only_loopback_hosts =
    false; ///< and so are those whose Host is not loopback, where no certificate vouches for the name
  token_gate* gate = nullptr;  ///< null: whoever can connect may do all
  event_hub* hub = nullptr;    ///< null: each follower of events keeps a thread
  exporter* exports = nullptr; ///< null: requests become no spans
};

/// A route that says nothing about the node: what a browser loads before it can send a token, and /healthz.
bool is_open_route(const http_request& request);

/// Finds the route and answers; never throws.
http_response answer(const api_context& context, const http_request& request);

/// RFC 9457. `type` is a fragment of the documentation of errors.
http_response problem(int status, std::string_view type, std::string_view title, std::string_view detail);
http_response problem(const http_refusal& refused);
/// An error of ours; for a rejected configuration the sentence's lines become `errors`.
http_response problem(const caf::error& error);

/// 400: a request or parameter that can't be read, with the sentence's lines as `errors`.
http_response malformed(const caf::error& error);
/// 503 with Retry-After: nothing is wrong with the request, there is no room for it now.
http_response busy(std::string_view detail);

/// 0 where nothing has happened yet.
caf::expected<std::int64_t> newest_event_id(control& node);

http_response json_response(int status, std::string body);

// The handlers, by file. `name` is what stands for {name} in the path.
http_response list_daemons(const api_context&, const http_request&, const std::string& name);
http_response show_daemon(const api_context&, const http_request&, const std::string& name);
http_response add_daemon(const api_context&, const http_request&, const std::string& name);
http_response remove_daemon(const api_context&, const http_request&, const std::string& name);
http_response act_on_daemon(const api_context&, const http_request&, const std::string& name);
http_response limit_daemon(const api_context&, const http_request&, const std::string& name);
http_response scale_daemon(const api_context&, const http_request&, const std::string& name);
http_response signal_daemon(const api_context&, const http_request&, const std::string& name);
http_response apply_stack(const api_context&, const http_request&, const std::string& name);
http_response list_events(const api_context&, const http_request&, const std::string& name);
http_response list_crashes_of(const api_context&, const http_request&, const std::string& name);
http_response show_crash(const api_context&, const http_request&, const std::string& name);
http_response show_logs(const api_context&, const http_request&, const std::string& name);
http_response trace_daemon(const api_context&, const http_request&, const std::string& name);
http_response show_samples(const api_context&, const http_request&, const std::string& name);
http_response follow_all_logs(const api_context&, const http_request&, const std::string& name);
http_response show_node(const api_context&, const http_request&, const std::string& name);
http_response upgrade_node(const api_context&, const http_request&, const std::string& name);
http_response stop_node(const api_context&, const http_request&, const std::string& name);
http_response show_tree(const api_context&, const http_request&, const std::string& name);
http_response show_metrics(const api_context&, const http_request&, const std::string& name);
http_response check_health(const api_context&, const http_request&, const std::string& name);
http_response show_page(const api_context&, const http_request&, const std::string& name);
http_response show_page_part(const api_context&, const http_request&, const std::string& name);
http_response describe_api(const api_context&, const http_request&, const std::string& name);
http_response check_ready(const api_context&, const http_request&, const std::string& name);

} // namespace duende::api
