#include "actors/api/browser.hpp"

#include <algorithm>

#include <arpa/inet.h>

namespace duende::api {

bool is_loopback_authority(std::string_view authority) {
  auto host = authority;
  if (host.starts_with('[')) {
    auto end = host.find(']');
    return end != std::string_view::npos && host.substr(0, end + 1) == "[::1]"
           && (end + 1 == host.size() || host[end + 1] == ':');
  }
  host = host.substr(0, host.find(':'));
  if (host.size() == 9 && std::equal(host.begin(), host.end(), "localhost", [](char a, char b) {
        return (a | 0x20) == b;
      }))
    return true;
  in_addr address{};
  if (inet_pton(AF_INET, std::string{host}.c_str(), &address) != 1)
    return false;
  return (ntohl(address.s_addr) >> 24) == 127;
}

std::optional<http_refusal> refuse_foreign_page(const http_request& request, bool only_loopback) {
  auto host = request.header("host");
  if (only_loopback && !host.empty() && !is_loopback_authority(host))
    return http_refusal{403, "the Host header does not name this machine"};
  auto site = request.header("sec-fetch-site");
  bool follows_link = request.method == "GET" && request.header("sec-fetch-mode") == "navigate"
                      && request.header("sec-fetch-dest") == "document"
                      && request.target.substr(0, request.target.find('?')) == "/";
  if ((site == "cross-site" || site == "same-site") && !follows_link)
    return http_refusal{403, "requests of other web sites are refused"};
  auto origin = request.header("origin");
  if (origin.empty())
    return std::nullopt;
  auto scheme = origin.find("://");
  if (scheme == std::string_view::npos || origin.substr(scheme + 3) != host)
    return http_refusal{403, "requests of other web sites are refused"};
  return std::nullopt;
}

} // namespace duende::api
