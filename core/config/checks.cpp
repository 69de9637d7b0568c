#include "core/config/checks.hpp"

#include "core/calendar.hpp"
#include "core/errc.hpp"
#include "core/exit_reason.hpp"
#include "core/listen_address.hpp"
#include "core/names.hpp"
#include "core/paths.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <regex>

#include <arpa/inet.h>

namespace duende::config {
namespace {

std::string check_path(std::string& text, const std::string& dir) {
  if (text.empty())
    return "an empty path";
  text = absolute_path(dir, text);
  if (text.size() >= max_path_bytes)
    return fmt::format(
      "a path of {} bytes; the kernel takes at most {}: File name too long", text.size(), max_path_bytes - 1);
  return {};
}

std::string check_address(std::string_view text) {
  if (text.starts_with("unix:")) {
    auto path = text.substr(5);
    // Source: unix(7), sizeof sun_path.
    return path.empty() || path.size() > 107 ? fmt::format("'{}': a unix socket's path has 1 to 107 bytes", text)
                                             : std::string{};
  }
  host_port parts;
  if (parse_host_port(text, parts) && parts.port != 0)
    return {};
  return fmt::format("'{}' is no address; write HOST:PORT, [IPV6]:PORT or unix:PATH", text.substr(0, 100));
}

std::string check_listen(std::string_view text) {
  listen_address parsed;
  if (parse_listen_address(text, parsed))
    return {};
  return fmt::format(
    "'{}' is no address to listen on; write IP:PORT, [IPV6]:PORT, udp:IP:PORT or unix:/PATH (names are not looked up)",
    text.substr(0, 100));
}

std::string check_listener(std::string_view text) {
  host_port parts;
  if (text == "off" || parse_host_port(text, parts))
    return {};
  return fmt::format("'{}' is no address; write HOST:PORT, [IPV6]:PORT or \"off\"", text.substr(0, 100));
}

std::string check_url(std::string_view text) {
  for (std::string_view scheme : {"http://", "https://"}) {
    if (!text.starts_with(scheme))
      continue;
    auto authority = text.substr(scheme.size());
    authority = authority.substr(0, std::min(authority.find_first_of("/?#"), authority.size()));
    bool printable = std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 127; });
    if (!authority.empty() && printable)
      return {};
  }
  return fmt::format("'{}' is no URL; write http://HOST[:PORT]/PATH", text.substr(0, 100));
}

std::string check_pattern(const std::string& text) {
  if (text.empty())
    return "an empty pattern matches everything";
  if (text.size() > max_pattern_bytes)
    return fmt::format("a pattern of {} bytes; the most is {}", text.size(), max_pattern_bytes);
  try {
    std::regex compiled{text, std::regex::ECMAScript};
    return {};
  } catch (const std::regex_error& error) {
    std::string_view words = error.what();
    return fmt::format("not a regular expression (ECMAScript): {}", words.substr(0, 160));
  }
}

std::string check_calendar(const std::string& text) {
  auto when = calendar::parse(text);
  if (!when)
    return sentence(when.error());
  auto zone = time_zone::named(when->zone());
  return zone ? std::string{} : sentence(zone.error());
}

bool digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

} // namespace

std::string check_text(shape type, std::string& text, const std::string& dir) {
  if (auto nul = text.find('\0'); nul != std::string::npos)
    return fmt::format("a NUL character at column {}", nul + 1);
  switch (type) {
    case shape::name: {
      auto good = check_name(text);
      return good ? std::string{} : sentence(good.error());
    }
    case shape::path: return check_path(text, dir);
    case shape::program:
      if (text.empty())
        return "an empty program name";
      return text.find('/') == std::string::npos && text.size() < max_path_bytes ? std::string{}
                                                                                 : check_path(text, dir);
    case shape::address: return check_address(text);
    case shape::listen: return check_listen(text);
    case shape::listener: return check_listener(text);
    case shape::url: return check_url(text);
    case shape::pattern: return check_pattern(text);
    case shape::calendar: return check_calendar(text);
    default: break;
  }
  if (text.size() >= max_exec_string)
    return fmt::format(
      "a text of {} bytes; the kernel's limit of one argument is {}", text.size(), max_exec_string - 1);
  return {};
}

std::string check_variable(std::string_view name, std::string_view content) {
  if (name.empty() || name.find('=') != std::string_view::npos || name.find('\0') != std::string_view::npos)
    return fmt::format("'{}' is no name of a variable", name.substr(0, 100));
  if (content.find('\0') != std::string_view::npos)
    return fmt::format("variable '{}' holds a NUL character", name.substr(0, 100));
  if (auto size = name.size() + content.size() + 2; size > max_exec_string)
    return fmt::format(
      "variable '{}' takes {} bytes with its name; the kernel's limit is {} (MAX_ARG_STRLEN)", name.substr(0, 100),
      size, max_exec_string);
  return {};
}

bool parse_host_port(std::string_view text, host_port& to) {
  auto colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return false;
  auto host = text.substr(0, colon), port = text.substr(colon + 1);
  unsigned number = 0;
  if (
    !digits(port) || std::from_chars(port.data(), port.data() + port.size(), number).ec != std::errc{}
    || number > 65535)
    return false;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    to.host = host.substr(1, host.size() - 2);
    in6_addr address{};
    if (inet_pton(AF_INET6, to.host.c_str(), &address) != 1)
      return false;
  } else {
    if (host.empty() || host.size() > 253 || !std::all_of(host.begin(), host.end(), host_character))
      return false;
    to.host = host;
  }
  to.port = static_cast<std::uint16_t>(number);
  return true;
}

bool is_loopback(std::string_view host) {
  constexpr std::string_view name = "localhost";
  if (std::equal(host.begin(), host.end(), name.begin(), name.end(), [](char a, char b) { return (a | 0x20) == b; }))
    return true;
  std::string text{host};
  in_addr v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1)
    return ntohl(v4.s_addr) >> 24 == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, text.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

} // namespace duende::config
