// /v1/daemons/{name}/logs and /v1/logs: what daemons wrote.
#include "actors/api/parameters.hpp"
#include "actors/api/routes.hpp"

namespace duende::api {

http_response show_logs(const api_context&, const http_request&, const std::string&) {
  return problem(501, "unsupported", "Not implemented", "logs: not supported by this version");
}

http_response follow_all_logs(const api_context&, const http_request&, const std::string&) {
  return problem(501, "unsupported", "Not implemented", "logs: not supported by this version");
}

} // namespace duende::api
