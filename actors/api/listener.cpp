#include "actors/api/listener.hpp"

#include "actors/api/browser.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace duende::api {
namespace {

constexpr int connection_backlog = 128;

caf::expected<sockaddr_un> unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return fail(
      errc::invalid_config,
      "the socket path '{}' has {} bytes, at most {} are possible: choose a shorter one with --socket", path,
      path.size(), sizeof address.sun_path - 1);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

/// Removes what a dead node left at `path`.
caf::expected<void> clear_stale_socket(const std::string& path, const sockaddr_un& address) {
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0)
    return errno == ENOENT ? caf::expected<void>{}
                           : errno_error(errc::io_failure, errno, fmt::format("cannot look at '{}'", path));
  if (!S_ISSOCK(info.st_mode))
    return fail(errc::already_exists, "cannot listen on '{}': there is a file that is no socket; remove it", path);
  int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0)
    return errno_error(errc::io_failure, errno, "cannot create a socket");
  int result = connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  int error = result == 0 ? 0 : errno;
  close(probe);
  if (error == 0 || error == EAGAIN)
    return fail(errc::already_exists, "cannot listen on '{}': somebody serves there", path);
  if (unlink(path.c_str()) != 0 && errno != ENOENT)
    return errno_error(errc::io_failure, errno, fmt::format("cannot remove the stale socket '{}'", path));
  return {};
}

} // namespace

caf::expected<void> prepare_run_dir(const std::string& dir) {
  for (std::size_t slash = 1; slash < dir.size();) {
    slash = std::min(dir.find('/', slash), dir.size());
    auto part = dir.substr(0, slash);
    if (mkdir(part.c_str(), slash == dir.size() ? 0700 : 0755) != 0 && errno != EEXIST)
      return errno_error(errc::io_failure, errno, fmt::format("cannot create the folder '{}'", part));
    ++slash;
  }
  struct stat info {};
  if (stat(dir.c_str(), &info) != 0)
    return errno_error(errc::io_failure, errno, fmt::format("cannot look at '{}'", dir));
  if (!S_ISDIR(info.st_mode))
    return fail(errc::io_failure, "cannot use '{}' for the socket: it is no folder", dir);
  if (info.st_uid != geteuid())
    return fail(errc::io_failure, "cannot use '{}' for the socket: the folder belongs to another user", dir);
  if ((info.st_mode & 0022) != 0 && (info.st_mode & S_ISVTX) == 0)
    return fail(errc::io_failure, "cannot use '{}' for the socket: others may write to the folder", dir);
  return {};
}

caf::expected<int> listen_unix(const std::string& path) {
  auto address = unix_address(path);
  if (!address)
    return address.error();
  auto slash = path.rfind('/');
  if (auto ready = prepare_run_dir(slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1)));
      !ready)
    return ready.error();
  if (auto cleared = clear_stale_socket(path, *address); !cleared)
    return cleared.error();
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return errno_error(errc::io_failure, errno, "cannot create a socket");
  fchmod(fd, 0600); // Linux gives the bound name the mode of the socket: at no moment is it open to others
  if (
    bind(fd, reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0 || listen(fd, connection_backlog) != 0
    || chmod(path.c_str(), 0600) != 0) { // the last one: who watches the folder learns by it that the node answers
    int error = errno;
    close(fd);
    return errno_error(errc::io_failure, error, fmt::format("cannot listen on '{}'", path));
  }
  return fd;
}

bool is_own_peer(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && (peer.uid == 0 || peer.uid == geteuid());
}

caf::expected<tcp_listener> listen_tcp(const std::string& address, bool loopback_only) {
  auto colon = address.rfind(':');
  if (colon == std::string::npos)
    return fail(errc::invalid_config, "cannot listen on '{}': expected HOST:PORT", address);
  auto host = address.substr(0, colon);
  auto port_text = address.substr(colon + 1);
  std::uint16_t port = 0;
  auto [end, error] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (error != std::errc{} || end != port_text.data() + port_text.size())
    return fail(errc::invalid_config, "cannot listen on '{}': '{}' is not a port", address, port_text);
  tcp_listener result;
  result.loopback = is_loopback_authority(host);
  if (loopback_only && !result.loopback)
    return fail(
      errc::invalid_config,
      "cannot listen on '{}': off loopback this needs a certificate and a key in [node.tls] and at least one "
      "[[node.token]]; for this machine alone use 127.0.0.1:{}",
      address, port);
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (result.loopback && host.find_first_of(".:") == std::string::npos) // "localhost", however it is written
    host = "127.0.0.1";
  if (int code = getaddrinfo(host.empty() ? nullptr : host.c_str(), port_text.c_str(), &hints, &found); code != 0)
    return fail(
      errc::invalid_config, "cannot listen on '{}': {}; write a numeric address", address, gai_strerror(code));
  result.fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int yes = 1;
  if (result.fd >= 0)
    setsockopt(result.fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  bool listens = result.fd >= 0 && bind(result.fd, found->ai_addr, found->ai_addrlen) == 0
                 && listen(result.fd, connection_backlog) == 0;
  int code = errno;
  freeaddrinfo(found);
  if (!listens) {
    if (result.fd >= 0)
      close(result.fd);
    return errno_error(errc::io_failure, code, fmt::format("cannot listen on '{}'", address));
  }
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  getsockname(result.fd, reinterpret_cast<sockaddr*>(&bound), &length);
  result.port = ntohs(
    bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(bound).sin6_port
                                : reinterpret_cast<sockaddr_in&>(bound).sin_port);
  return result;
}

void prepare_peer(int fd) {
  auto set = [fd](int level, int name, int value) { setsockopt(fd, level, name, &value, sizeof value); };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_SNDBUF, 256 * 1024); // else the kernel keeps megabytes for each peer that does not read
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 60);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 15);
  set(IPPROTO_TCP, TCP_KEEPCNT, 4);
}

} // namespace duende::api
