// A web page of somebody else must not reach a node that listens on loopback.
#pragma once

#include "actors/api/http.hpp"

#include <optional>
#include <string_view>

namespace duende::api {

/// Whether `authority` (HOST or HOST:PORT) names this machine: localhost, 127.0.0.0/8 or [::1], however these are written.
bool is_loopback_authority(std::string_view authority);

/// Refuses with 403 a Host that is not loopback where `only_loopback` (a foreign name made to point here, "DNS rebinding"; with
/// TLS the browser has checked the name) and an Origin or
/// Sec-Fetch-Site of another site. Following a link to "/" is allowed: the page says nothing and can't be framed.
std::optional<http_refusal> refuse_foreign_page(const http_request& request, bool only_loopback = true);

} // namespace duende::api
