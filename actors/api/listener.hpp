// Listening sockets: the node's unix socket and TCP.
#pragma once

#include "core/errc.hpp"

#include <cstdint>
#include <string>

namespace duende::api {

/// Creates `dir` with mode 0700 (its parents with 0755) where it is missing. An existing one must belong to the effective user
/// and not be writable by others (a sticky folder is accepted). Errors: io_failure with the path.
caf::expected<void> prepare_run_dir(const std::string& dir);

/// Binds and listens at `path` with mode 0600 from its first moment on. A socket that nobody serves is replaced.
/// Errors: already_exists where somebody answers there, invalid_config for a path over sun_path's limit, io_failure.
caf::expected<int> listen_unix(const std::string& path);

struct tcp_listener {
  int fd = -1;
  std::uint16_t port = 0;
  bool loopback = true;
};

/// Whether the peer of a connection to a unix socket is root or the user of this process (SO_PEERCRED, unix(7)): the mode of the
/// socket may be changed by hand, and this is what the contract says beside it.
bool is_own_peer(int fd);
/// Binds HOST:PORT or [V6]:PORT. With `loopback_only` any other address is refused: it needs TLS and a token.
caf::expected<tcp_listener> listen_tcp(const std::string& address, bool loopback_only);

/// Settings of an accepted TCP connection: no delay of small pieces, a bounded buffer, and a peer that is gone without a word is noticed by the
/// kernel within two minutes.
void prepare_peer(int fd);

} // namespace duende::api
