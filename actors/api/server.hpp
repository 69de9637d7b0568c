// The node's HTTP API: a thread that sleeps in poll until somebody connects, and one short-lived thread per connection.
#pragma once

#include "actors/control.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace duende {

struct api_options {
  std::string socket_path;
  std::string tcp_address;           ///< HOST:PORT on loopback, or empty for none
  std::string metrics_address;       ///< HOST:PORT that serves /metrics, /healthz and /readyz only, or empty for none
  std::size_t max_connections = 128; ///< what comes beyond is answered 503 and closed
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

  /// The ports in use (of interest where the address said 0); 0 for none.
  std::uint16_t tcp_port() const;
  std::uint16_t metrics_port() const;

private:
  struct impl;
  explicit api_server(std::unique_ptr<impl> state);
  std::unique_ptr<impl> impl_;
};

} // namespace duende
