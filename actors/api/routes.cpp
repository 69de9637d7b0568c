#include "actors/api/routes.hpp"

#include "actors/api/browser.hpp"
#include "actors/api/route_table.hpp"
#include "actors/api/traced.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace duende::api {
namespace {

/// The segment that stands for the last {name}, or "" where the pattern has none; nothing where the path does not match.
std::optional<std::string> match(std::string_view pattern, const std::vector<std::string>& segments) {
  std::string name;
  if (pattern.empty()) // "/"
    return segments.size() == 1 && segments.front().empty() ? std::optional{name} : std::nullopt;
  for (const auto& segment : segments) {
    auto part = pattern.substr(0, pattern.find('/'));
    if (part.starts_with('{') && !segment.empty())
      name = segment;
    else if (part.empty() || part != segment)
      return std::nullopt;
    pattern.remove_prefix(std::min(pattern.size(), part.size() + 1));
  }
  return pattern.empty() ? std::optional{name} : std::nullopt;
}

} // namespace

bool is_open_route(const http_request& request) {
  auto routes = all_routes();
  return std::any_of(routes.begin(), routes.end(), [&](const route& x) {
    return x.open && match(x.path, request.segments) && (request.method == "GET" || request.method == "HEAD");
  });
}

http_response answer(const api_context& context, const http_request& request) {
  if (context.check_browser)
    if (auto refused = refuse_foreign_page(request, context.only_loopback_hosts))
      return problem(*refused);
  std::string allowed;
  for (const auto& candidate : all_routes()) {
    if (context.only_metrics && !candidate.metrics)
      continue;
    auto name = match(candidate.path, request.segments);
    if (!name)
      continue;
    bool same = request.method == candidate.method || (request.method == "HEAD" && candidate.method == "GET");
    if (same) {
      try {
        return traced(context, request, candidate.path, [&] { return candidate.fn(context, request, *name); });
      } catch (const std::exception& e) { // what we call should not throw; a connection must survive it all the same
        return problem(500, "internal", "Internal error", e.what());
      }
    }
    allowed += fmt::format("{}{}", allowed.empty() ? "" : ", ", candidate.method);
    if (candidate.method == "GET")
      allowed += ", HEAD";
  }
  auto path = request.target.substr(0, std::min<std::size_t>(request.target.find('?'), 200));
  if (allowed.empty())
    return problem(404, "not-found", "Not found", fmt::format("nothing is served at '{}'", path));
  auto response = problem(
    405, "method-not-allowed", "Method not allowed",
    fmt::format("'{}' does not take {}, only {}", path, request.method, allowed));
  response.headers.emplace_back("Allow", allowed);
  return response;
}

bool response_stream::write(std::string_view piece) {
  if (piece.empty())
    return true;
  auto deadline = monotonic_now() + std::chrono::seconds{30};
  if (!chunked_)
    return peer_->send(piece, deadline) == io_result::ok;
  auto frame = fmt::format("{:x}\r\n", piece.size());
  frame.append(piece);
  frame += "\r\n";
  return peer_->send(frame, deadline) == io_result::ok;
}

bool response_stream::end() {
  return !chunked_ || peer_->send("0\r\n\r\n", monotonic_now() + std::chrono::seconds{5}) == io_result::ok;
}

http_response json_response(int status, std::string body) {
  http_response response;
  response.status = status;
  response.body = std::move(body);
  response.body += '\n';
  return response;
}

} // namespace duende::api
