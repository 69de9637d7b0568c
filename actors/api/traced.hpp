// Requests as operations of a trace.
#pragma once

#include "actors/api/routes.hpp"

#include <functional>
#include <string_view>

namespace duende::api {

/// What `handle` answers. A request that changes something is an operation of the trace that its traceparent names, or of one that
/// begins here; what it sets off is part of that, and where spans are exported it becomes one.
http_response traced(
  const api_context& context, const http_request& request, std::string_view route,
  const std::function<http_response()>& handle);

} // namespace duende::api
