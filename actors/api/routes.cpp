#include "actors/api/routes.hpp"

#include "actors/api/browser.hpp"
#include "actors/api/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace duende::api {
namespace {

using handler = http_response (*)(const api_context&, const http_request&, const std::string& name);

http_response later(const api_context&, const http_request& request, const std::string&) {
  return problem(
    501, "unsupported", "Not implemented",
    fmt::format("{} {} is not supported by this version", request.method, request.target.substr(0, 200)));
}

struct route {
  std::string_view method;
  std::string_view path; ///< "{}" stands for one segment
  handler fn;
  bool metrics = false; ///< also on the metrics listener
};

constexpr std::array routes = {
  route{"GET", "", show_page},
  route{"GET", "page/{}/{}", show_page_part},
  route{"GET", "healthz", check_health, true},
  route{"GET", "readyz", check_ready, true},
  route{"GET", "metrics", show_metrics, true},
  route{"GET", "v1/node", show_node},
  route{"POST", "v1/node/stop", stop_node},
  route{"POST", "v1/node/upgrade", upgrade_node},
  route{"GET", "v1/daemons", list_daemons},
  route{"POST", "v1/daemons", add_daemon},
  route{"GET", "v1/daemons/{}", show_daemon},
  route{"DELETE", "v1/daemons/{}", remove_daemon},
  route{"POST", "v1/daemons/{}/start", act_on_daemon},
  route{"POST", "v1/daemons/{}/stop", act_on_daemon},
  route{"POST", "v1/daemons/{}/restart", act_on_daemon},
  route{"POST", "v1/daemons/{}/pause", act_on_daemon},
  route{"POST", "v1/daemons/{}/resume", act_on_daemon},
  route{"POST", "v1/daemons/{}/reload", act_on_daemon},
  route{"POST", "v1/daemons/{}/signal", signal_daemon},
  route{"POST", "v1/daemons/{}/scale", scale_daemon},
  route{"PATCH", "v1/daemons/{}/resources", later},
  route{"GET", "v1/daemons/{}/logs", show_logs},
  route{"GET", "v1/daemons/{}/crashes", list_crashes_of},
  route{"GET", "v1/daemons/{}/crashes/{}", show_crash},
  route{"GET", "v1/daemons/{}/samples", later},
  route{"GET", "v1/daemons/{}/trace", later},
  route{"GET", "v1/logs", follow_all_logs},
  route{"GET", "v1/events", list_events},
  route{"GET", "v1/tree", show_tree},
  route{"POST", "v1/apply", apply_stack},
  route{"GET", "v1/nodes", later},
  route{"POST", "v1/nodes/{}/drain", later},
  route{"POST", "v1/nodes/{}/undrain", later},
};

/// The segment that stands for the last {}, or "" where the pattern has none; nothing where the path does not match.
std::optional<std::string> match(std::string_view pattern, const std::vector<std::string>& segments) {
  std::string name;
  if (pattern.empty()) // "/"
    return segments.size() == 1 && segments.front().empty() ? std::optional{name} : std::nullopt;
  for (const auto& segment : segments) {
    auto part = pattern.substr(0, pattern.find('/'));
    if (part == "{}" && !segment.empty())
      name = segment;
    else if (part.empty() || part != segment)
      return std::nullopt;
    pattern.remove_prefix(std::min(pattern.size(), part.size() + 1));
  }
  return pattern.empty() ? std::optional{name} : std::nullopt;
}

} // namespace

http_response answer(const api_context& context, const http_request& request) {
  if (context.check_browser)
    if (auto refused = refuse_foreign_page(request))
      return problem(*refused);
  std::string allowed;
  for (const auto& candidate : routes) {
    if (context.only_metrics && !candidate.metrics)
      continue;
    auto name = match(candidate.path, request.segments);
    if (!name)
      continue;
    bool same = request.method == candidate.method || (request.method == "HEAD" && candidate.method == "GET");
    if (same) {
      try {
        return candidate.fn(context, request, *name);
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
    return peer_.send(piece, deadline) == io_result::ok;
  auto frame = fmt::format("{:x}\r\n", piece.size());
  frame.append(piece);
  frame += "\r\n";
  return peer_.send(frame, deadline) == io_result::ok;
}

bool response_stream::end() {
  return !chunked_ || peer_.send("0\r\n\r\n", monotonic_now() + std::chrono::seconds{5}) == io_result::ok;
}

http_response json_response(int status, std::string body) {
  http_response response;
  response.status = status;
  response.body = std::move(body);
  response.body += '\n';
  return response;
}

} // namespace duende::api
