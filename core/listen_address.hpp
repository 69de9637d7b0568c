// Addresses that the keeper listens on for daemons. No CAF, no fmt, no exceptions: the keeper uses this.
#pragma once

#include <sys/socket.h>

#include <string_view>

namespace duende {

/// What socket(2) and bind(2) need.
struct listen_address {
  int type = SOCK_STREAM; ///< or SOCK_DGRAM
  sockaddr_storage address{};
  socklen_t size = 0;
  std::string_view path; ///< of a unix socket; borrowed from the text

  int family() const { return address.ss_family; }
};

/// Reads IP:PORT, [IPV6]:PORT, localhost:PORT, each with tcp: or udp: before it (default tcp), or unix:/PATH.
/// Names are not looked up: who holds a socket for years must not depend on a resolver. False where `text` is none of these.
bool parse_listen_address(std::string_view text, listen_address& to);
/// Whether `fd` is a socket of this kind that is bound there (and listens, where it is a stream).
bool is_bound_to(int fd, const listen_address& where);

} // namespace duende
