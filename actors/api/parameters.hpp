// Query parameters, read strictly: a value that can't be read is an error, not a default.
#pragma once

#include "actors/api/http.hpp"
#include "core/errc.hpp"
#include "core/time.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace duende::api {

inline constexpr duration default_action_timeout = std::chrono::minutes{5};
inline constexpr duration max_action_timeout = std::chrono::hours{24};

/// "1", "true" or an empty value ("?follow"), "0", "false"; `absent` where there is none.
caf::expected<bool> flag_parameter(const http_request& request, const std::string& name, bool absent);
caf::expected<std::uint64_t>
count_parameter(const http_request& request, const std::string& name, std::uint64_t absent, std::uint64_t limit);
/// "30s"; default_action_timeout where absent, at most max_action_timeout.
caf::expected<duration> timeout_parameter(const http_request& request);
/// Words between commas; empty ones are left out.
std::vector<std::string> list_parameter(const http_request& request, const std::string& name);
/// RFC 3339, or a duration that counts back from now ("5m").
caf::expected<wall_time> parse_since(std::string_view text);
caf::expected<std::optional<wall_time>> since_parameter(const http_request& request);

} // namespace duende::api
