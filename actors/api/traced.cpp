#include "actors/api/traced.hpp"

#include "actors/exporter.hpp"
#include "actors/trace_scope.hpp"

namespace duende::api {

http_response traced(
  const api_context& context, const http_request& request, std::string_view route,
  const std::function<http_response()>& handle) {
  if (request.method == "GET" || request.method == "HEAD")
    return handle();
  const auto parent = parse_trace(request.header("traceparent"), request.header("tracestate"));
  auto* exports = context.exports != nullptr && context.exports->exports_traces() ? context.exports : nullptr;
  if (exports == nullptr) {
    const trace_scope within{parent ? std::make_shared<const trace_context>(*parent) : nullptr};
    return handle();
  }
  span own;
  own.context = parent ? child_of(*parent) : new_trace();
  if (parent)
    own.parent = parent->span_id;
  own.kind = span_kind::server;
  own.name = fmt::format("{} /{}", request.method, route);
  own.begin = unix_nanos_now();
  const trace_scope within{std::make_shared<const trace_context>(own.context)};
  auto response = handle();
  own.end = unix_nanos_now();
  own.attributes = {
    {"http.request.method", request.method},
    {"http.route", fmt::format("/{}", route)},
    {"url.path", request.target.substr(0, std::min<std::size_t>(request.target.find('?'), 200))},
    {"http.response.status_code", static_cast<std::int64_t>(response.status)}};
  if (response.status >= 500)
    own.failure = fmt::format("status {}", response.status);
  exports->record(own);
  return response;
}

} // namespace duende::api
