// "/" and what it loads. Nothing here says anything about the node: what the page shows it asks for like any other client.
#include "actors/api/page.hpp"

#include "actors/api/routes.hpp"

#include <algorithm>

namespace duende::api {
namespace {

/// Only what the page brings along runs, and only this node is talked to. Trusted types: text never becomes markup.
constexpr std::string_view policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
  "require-trusted-types-for 'script'; trusted-types 'none'";

const page_file* find(std::string_view name) {
  auto files = page_files();
  auto found = std::find_if(files.begin(), files.end(), [&](const page_file& file) { return file.name == name; });
  return found == files.end() ? nullptr : &*found;
}

http_response respond(const page_file& file, std::string_view caching) {
  http_response response;
  response.content_type = file.content_type;
  response.body = file.text;
  response.headers = {
    {"Cache-Control", std::string{caching}},
    {"Content-Security-Policy", std::string{policy}},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Frame-Options", "DENY"}};
  return response;
}

} // namespace

http_response show_page(const api_context&, const http_request&, const std::string&) {
  const auto* file = find("index.html");
  return file ? respond(*file, "no-cache") : problem(404, "not-found", "Not found", "this build has no page");
}

http_response show_page_part(const api_context&, const http_request& request, const std::string& name) {
  const auto* file = request.segments[1] == page_version() ? find(name) : nullptr;
  return file ? respond(*file, "public, max-age=31536000, immutable")
              : problem(404, "not-found", "Not found", "the page has changed: load it again");
}

} // namespace duende::api
