#include "core/listen_address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <charconv>
#include <cstddef>
#include <cstring>

namespace duende {
namespace {

bool parse_unix(std::string_view path, listen_address& to) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.front() != '/' || path.size() >= sizeof address.sun_path)
    return false;
  path.copy(address.sun_path, path.size());
  std::memcpy(&to.address, &address, sizeof address);
  to.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  to.path = path;
  return true;
}

bool parse_port(std::string_view text, in_port_t& to) {
  std::uint16_t port = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  to = htons(port);
  return error == std::errc{} && end == text.data() + text.size() && port != 0;
}

} // namespace

bool parse_listen_address(std::string_view text, listen_address& to) {
  to = {};
  if (text.starts_with("unix:"))
    return parse_unix(text.substr(5), to);
  if (text.starts_with("udp:"))
    to.type = SOCK_DGRAM;
  if (text.starts_with("udp:") || text.starts_with("tcp:"))
    text.remove_prefix(4);
  auto colon = text.rfind(':');
  char host[INET6_ADDRSTRLEN + 1] = {};
  if (colon == std::string_view::npos)
    return false;
  auto name = text.substr(0, colon), port = text.substr(colon + 1);
  if (name.size() > 2 && name.front() == '[' && name.back() == ']') {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    name = name.substr(1, name.size() - 2);
    if (name.size() >= sizeof host || !parse_port(port, address.sin6_port))
      return false;
    name.copy(host, name.size());
    if (inet_pton(AF_INET6, host, &address.sin6_addr) != 1)
      return false;
    std::memcpy(&to.address, &address, sizeof address);
    to.size = sizeof address;
    return true;
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (name == "localhost")
    name = "127.0.0.1";
  if (name.size() >= sizeof host || !parse_port(port, address.sin_port))
    return false;
  name.copy(host, name.size());
  if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
    return false;
  std::memcpy(&to.address, &address, sizeof address);
  to.size = sizeof address;
  return true;
}

bool is_bound_to(int fd, const listen_address& where) {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  int type = 0, listens = 0;
  socklen_t length = sizeof type;
  if (
    getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0 || size != where.size
    || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) != 0 || type != where.type)
    return false;
  length = sizeof listens;
  getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length);
  return std::memcmp(&bound, &where.address, size) == 0 && (type != SOCK_STREAM || listens != 0);
}

} // namespace duende
