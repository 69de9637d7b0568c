// Errors as application/problem+json (RFC 9457).
#include "actors/api/json.hpp"
#include "actors/api/routes.hpp"

#include <fmt/format.h>

namespace duende::api {
namespace {

struct problem_kind {
  int status;
  std::string_view type;
  std::string_view title;
};

problem_kind kind_of(errc code) {
  switch (code) {
    case errc::invalid_config: return {422, "invalid-configuration", "Invalid configuration"};
    case errc::not_found: return {404, "not-found", "Not found"};
    case errc::wrong_state: return {409, "wrong-state", "Wrong state"};
    case errc::already_exists: return {409, "already-exists", "Already exists"};
    case errc::timed_out: return {504, "timed-out", "Timed out"};
    case errc::spawn_failed: return {500, "spawn-failed", "Start failed"};
    case errc::unsupported: return {501, "unsupported", "Not supported"};
    case errc::limit_reached: return {503, "limit-reached", "Limit reached"};
    case errc::canceled: return {409, "canceled", "Overtaken by a later request"};
    case errc::unreachable: return {503, "unreachable", "Not reachable"};
    case errc::io_failure: return {500, "io-failure", "The operating system refused"};
    case errc::protocol_error: return {500, "protocol-error", "Protocol error"};
    case errc::internal: break;
  }
  return {500, "internal", "Internal error"};
}

http_response
make_problem(int status, std::string_view type, std::string_view title, std::string_view detail, bool list_errors) {
  http_response response;
  response.status = status;
  response.content_type = "application/problem+json";
  json_writer out{response.body};
  out.begin_object();
  out.member("type", fmt::format("urn:duende:problem:{}", type)).member("title", title);
  out.member("status", status).member("detail", detail);
  if (list_errors) {
    out.key("errors").begin_array();
    while (!detail.empty()) {
      auto line = detail.substr(0, detail.find('\n'));
      detail.remove_prefix(std::min(detail.size(), line.size() + 1));
      if (!line.empty())
        out.value(line);
    }
    out.end_array();
  }
  out.end_object();
  response.body += '\n';
  return response;
}

} // namespace

http_response problem(int status, std::string_view type, std::string_view title, std::string_view detail) {
  return make_problem(status, type, title, detail, false);
}

http_response problem(const http_refusal& refused) {
  return make_problem(refused.status, "bad-request", reason_phrase(refused.status), refused.text, false);
}

http_response problem(const caf::error& error) {
  auto code = code_of(error);
  auto kind = kind_of(code);
  auto response = make_problem(kind.status, kind.type, kind.title, sentence(error), code == errc::invalid_config);
  if (code == errc::limit_reached)
    response.headers.emplace_back("Retry-After", "1");
  return response;
}

http_response malformed(const caf::error& error) {
  return make_problem(400, "malformed", "Malformed request", sentence(error), true);
}

http_response busy(std::string_view detail) {
  auto response = problem(503, "busy", "Service unavailable", detail);
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

} // namespace duende::api
