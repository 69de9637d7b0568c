#include "actors/api/browser.hpp"

#include "core/config/checks.hpp"

namespace duende::api {

bool is_loopback_authority(std::string_view authority) {
  if (!authority.starts_with('['))
    return config::is_loopback(authority.substr(0, authority.find(':')));
  auto end = authority.find(']');
  if (end == std::string_view::npos || (end + 1 != authority.size() && authority[end + 1] != ':'))
    return false;
  auto host = authority.substr(1, end - 1);
  return host.find(':') != std::string_view::npos && config::is_loopback(host);
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
