// Where to connect to, as people write it.
#pragma once

#include <caf/expected.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>

namespace duende {

/// HOST:PORT, [V6]:PORT, unix:PATH or unix:@ABSTRACT.
struct endpoint {
  std::string host; ///< without brackets; empty for a unix socket
  std::uint16_t port = 0;
  std::string path; ///< '@' first: the abstract namespace of Linux
  bool operator==(const endpoint&) const = default;
};

/// Errors: invalid_config, naming the text and the accepted forms.
caf::expected<endpoint> parse_endpoint(std::string_view text);

/// The parts of an http or https URL (RFC 3986) that a connection needs.
struct url_parts {
  bool secure = false;
  std::string host; ///< without brackets
  std::uint16_t port = 0;
  std::string shown; ///< the URL without user and password
  bool operator==(const url_parts&) const = default;
};
/// Errors: invalid_config.
caf::expected<url_parts> parse_url(std::string_view text);

struct socket_address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

/// Of a literal IPv4 or IPv6 address; empty for a name.
std::optional<socket_address> numeric_address(const std::string& host, std::uint16_t port);
/// Of a path that parse_endpoint accepted.
socket_address unix_address(std::string_view path);
/// "127.0.0.1" or "[::1]".
std::string host_text(const socket_address& address);

} // namespace duende
