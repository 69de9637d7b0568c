#include "monitors/probes/endpoint.hpp"

#include "core/errc.hpp"

#include <arpa/inet.h>
#include <charconv>
#include <cstring>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

namespace duende {

namespace {

constexpr std::size_t max_host = 255;

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  auto* end = text.data() + text.size();
  auto [stop, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc{} || stop != end || port == 0) {
    return std::nullopt;
  }
  return port;
}

struct host_and_port {
  std::string_view host;
  std::optional<std::string_view> port;
};

/// Splits HOST[:PORT] or [V6][:PORT]; empty where brackets or colons do not fit.
std::optional<host_and_port> split_host(std::string_view text) {
  if (text.starts_with('[')) {
    auto end = text.find(']');
    if (end == std::string_view::npos) {
      return std::nullopt;
    }
    auto rest = text.substr(end + 1);
    host_and_port result{text.substr(1, end - 1), std::nullopt};
    if (rest.empty()) {
      return result;
    }
    if (rest.front() != ':') {
      return std::nullopt;
    }
    result.port = rest.substr(1);
    return result;
  }
  auto colon = text.find(':');
  if (colon == std::string_view::npos) {
    return host_and_port{text, std::nullopt};
  }
  if (text.find(':', colon + 1) != std::string_view::npos) {
    return std::nullopt;
  }
  return host_and_port{text.substr(0, colon), text.substr(colon + 1)};
}

bool plausible_host(std::string_view host) {
  return !host.empty() && host.size() <= max_host && host.find_first_of(" \t\r\n\"'<>\\/") == std::string_view::npos
         && host.find('\0') == std::string_view::npos;
}

} // namespace

caf::expected<endpoint> parse_endpoint(std::string_view text) {
  constexpr std::string_view unix_prefix = "unix:";
  if (text.starts_with(unix_prefix)) {
    auto path = text.substr(unix_prefix.size());
    if (path.empty() || path == "@" || path.find('\0') != std::string_view::npos) {
      return fail(errc::invalid_config, "'{}' is no address: a path follows unix:", text);
    }
    if (path.size() >= sizeof(sockaddr_un::sun_path)) {
      return fail(
        errc::invalid_config, "'{}' is no address: a path of a socket has at most {} bytes", text,
        sizeof(sockaddr_un::sun_path) - 1);
    }
    return endpoint{{}, 0, std::string(path)};
  }
  auto split = split_host(text);
  auto port = split && split->port ? parse_port(*split->port) : std::nullopt;
  if (!port || !plausible_host(split->host)) {
    return fail(errc::invalid_config, "'{}' is no address: expected HOST:PORT, [V6]:PORT or unix:PATH", text);
  }
  return endpoint{std::string(split->host), *port, {}};
}

caf::expected<url_parts> parse_url(std::string_view text) {
  auto bad = [&] {
    return fail(errc::invalid_config, "'{}' is no URL: expected http://HOST[:PORT][/PATH] or https://...", text);
  };
  url_parts parts;
  std::string_view scheme;
  if (text.starts_with("http://")) {
    scheme = "http://";
  } else if (text.starts_with("https://")) {
    scheme = "https://";
    parts.secure = true;
  } else {
    return bad();
  }
  for (char c : text) {
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7F) {
      return bad();
    }
  }
  auto rest = text.substr(scheme.size());
  auto authority = rest.substr(0, rest.find_first_of("/?#"));
  auto tail = rest.substr(authority.size());
  if (auto at = authority.rfind('@'); at != std::string_view::npos) {
    authority.remove_prefix(at + 1);
  }
  auto split = split_host(authority);
  if (!split || !plausible_host(split->host)) {
    return bad();
  }
  parts.port = parts.secure ? 443 : 80;
  if (split->port && !split->port->empty()) {
    auto port = parse_port(*split->port);
    if (!port) {
      return bad();
    }
    parts.port = *port;
  }
  parts.host = split->host;
  parts.shown = fmt::format("{}{}{}", scheme, authority, tail);
  return parts;
}

std::optional<socket_address> numeric_address(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) {
    return std::nullopt;
  }
  socket_address address;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.size = found->ai_addrlen;
  ::freeaddrinfo(found);
  return address;
}

socket_address unix_address(std::string_view path) {
  socket_address address;
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  auto length = std::min(path.size(), sizeof name.sun_path - 1);
  std::memcpy(name.sun_path, path.data(), length);
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length + 1);
  if (path.starts_with('@')) {
    name.sun_path[0] = '\0';
    --address.size; // an abstract name is as long as it is, without a final NUL
  }
  std::memcpy(&address.storage, &name, sizeof name);
  return address;
}

std::string host_text(const socket_address& address) {
  char text[NI_MAXHOST] = "?";
  ::getnameinfo(
    reinterpret_cast<const sockaddr*>(&address.storage), address.size, text, sizeof text, nullptr, 0, NI_NUMERICHOST);
  return address.storage.ss_family == AF_INET6 ? fmt::format("[{}]", text) : std::string(text);
}

} // namespace duende
