// A whole HTTP request as bytes, and what its body goes through: heads, chunks, JSON and TOML of the API.
#include "actors/api/http.hpp"
#include "actors/api/json.hpp"
#include "core/config/load.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <cstdlib>

using namespace duende;

namespace {

void must(bool holds) {
  if (!holds)
    std::abort();
}

/// Split anywhere, chunks give the same body or a refusal.
void check_chunks(std::string_view wire) {
  std::string whole_input{wire}, whole;
  api::chunk_decoder at_once;
  auto refused = at_once.feed(whole_input, whole);
  api::chunk_decoder in_pieces;
  std::string input, body;
  bool refused_in_pieces = false;
  for (std::size_t i = 0; i < wire.size() && !refused_in_pieces && !in_pieces.done(); ++i) {
    input += wire[i];
    refused_in_pieces = in_pieces.feed(input, body).has_value();
  }
  must(whole.size() <= api::max_body_bytes);
  if (!refused && at_once.done())
    must(in_pieces.done() && whole == body);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view received{reinterpret_cast<const char*>(data), size};
  auto end = api::find_head_end(received);
  api::http_request request;
  if (end && !api::parse_head(received.substr(0, *end), request)) {
    must(!request.segments.empty());
    for (const auto& segment : request.segments)
      must(segment.find('\0') == std::string::npos);
    api::body_framing framing;
    if (!api::parse_framing(request, framing))
      must(framing.length <= api::max_body_bytes);
  }
  auto body = end ? received.substr(*end) : received;
  check_chunks(body);
  must(
    api::percent_decode(api::percent_encode(body), false).value_or("") == body
    || body.find('\0') != std::string_view::npos);
  std::string text;
  api::json_writer{text}.value(body);
  must(nlohmann::json::accept(text));
  if (nlohmann::json::accept(body)) {
    auto loaded = load_daemon_json(body, "/");
    must(!loaded.ok() || loaded.value.daemons.size() == 1);
    (void)load_text(body, config_format::json, "request", "/");
  }
  return 0;
}
