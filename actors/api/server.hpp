// The node's HTTP API: a thread that sleeps in poll until somebody connects, and one short-lived thread per connection.
#pragma once

#include "actors/control.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace duende {

class exporter;

struct api_options {
  std::string socket_path;
  std::string tcp_address;           ///< HOST:PORT, or empty for none; off loopback only with `tls` and `tokens`
  std::string metrics_address;       ///< HOST:PORT that serves /metrics, /healthz and /readyz only, or empty for none
  tls_spec tls{};                    ///< of `tcp_address`; no certificate: plain
  std::vector<token_spec> tokens{};  ///< of `tcp_address`; none: whoever reaches it may do all
  std::size_t max_connections = 512; ///< of each listener; what comes beyond is answered 503 and closed
  exporter* exports = nullptr;       ///< to where spans of requests go; outlives the server
};

class api_server {
public:
  /// Opens all sockets before it returns; without `socket_path` there is no unix socket.
  /// Errors: already_exists where another process serves the socket, invalid_config, unsupported, io_failure.
  static caf::expected<std::unique_ptr<api_server>> start(control& node, api_options options);

  /// Wakes and joins every connection and removes the socket. Requests that wait in `node` are waited for, so a node fails
  /// what is outstanding before it lets its server go.
  ~api_server();
  api_server(const api_server&) = delete;
  api_server& operator=(const api_server&) = delete;

  /// Reads the certificate again and takes these tokens from the next connection on. Errors leave everything as it is: those of
  /// the files, and invalid_config where TLS would begin or end, or the last token of a listener off loopback would go.
  caf::expected<void> renew(const tls_spec& tls, const std::vector<token_spec>& tokens);
  /// What somebody should look at soon, such as a certificate about to expire. Empty: nothing.
  std::string warning() const;
  /// When warning() may say something else. None: never.
  std::optional<wall_time> look_again() const;

  /// The ports in use (of interest where the address said 0); 0 for none.
  std::uint16_t tcp_port() const;
  std::uint16_t metrics_port() const;

private:
  struct impl;
  explicit api_server(std::unique_ptr<impl> state);
  std::unique_ptr<impl> impl_;
};

} // namespace duende
