// The node's HTTP API as calls, over its unix socket or from afar.
#pragma once

#include "core/errc.hpp"
#include "core/time.hpp"

#include <nlohmann/json.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace duende::cli {

using json = nlohmann::ordered_json; ///< keeps the order of the contract

using header_list = std::vector<std::pair<std::string, std::string>>;

struct request {
  std::string method = "GET";
  std::string target;
  std::string body;
  std::string content_type = "application/json";
  header_list headers;
  duration patience = std::chrono::seconds{30}; ///< for the response to begin
};

/// Who we are to a node on another machine. Not used on a unix socket.
struct credentials {
  std::string token;       ///< empty: none is sent
  std::string ca_file;     ///< PEM of who signs for the node; empty: the system's authorities
  std::string certificate; ///< PEM with certificate and key, where the node asks for one
};
/// For every client made from now on; call it before there is a second thread.
void use_credentials(credentials mine);

/// Whether `address` is a URL and no path.
bool is_url(std::string_view address);

class client {
public:
  /// `address`: the path of a unix socket, or "https://HOST:PORT" ("http://" on loopback).
  explicit client(std::string address);
  ~client();

  /// The body of a 2xx response. Errors: unreachable where no node answers; else what the node's problem document says.
  caf::expected<std::string> send(const request& what);
  /// `send`, parsed. Errors: protocol_error where it is no JSON.
  caf::expected<json> send_json(const request& what);

  /// Feeds what comes to `on_data` until it returns false, the node ends the stream (no error), or `cancel` is called.
  caf::expected<void> stream(const request& what, const std::function<bool(std::string_view)>& on_data);
  /// Ends a stream from another thread.
  void cancel();

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

/// Percent-encoded for a query.
std::string api_encode(std::string_view text);
/// "/v1/daemons/a%2Fb" + suffix
std::string daemon_target(std::string_view name, std::string_view suffix = "");

} // namespace duende::cli
