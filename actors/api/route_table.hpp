// Every route: what is matched, and what its description says. One table, so that the two cannot differ.
#pragma once

#include "actors/api/routes.hpp"

#include <span>
#include <string_view>

namespace duende::api {

struct route {
  std::string_view method;
  std::string_view path; ///< without the first slash; "{name}" stands for one segment
  http_response (*fn)(const api_context&, const http_request&, const std::string& name) = nullptr;
  std::string_view summary;
  std::string_view parameters; ///< of the query, between spaces
  std::string_view body;       ///< schema of what is sent; empty: nothing
  std::string_view
    answer; ///< "STATUS TYPE SCHEMA" of success, TYPE and SCHEMA where there are any; empty: not in this version
  bool metrics = false; ///< also on the metrics listener
  bool open = false;    ///< says nothing about the node: needs no token
};

std::span<const route> all_routes();

} // namespace duende::api
