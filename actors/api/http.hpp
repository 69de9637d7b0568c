// The part of HTTP/1.1 (RFC 9112) that the API speaks, as pure functions over bytes.
// Not cpp-httplib: linking it maps OpenSSL into every node (4.2 MiB of PSS measured, of 14 for 1,000 daemons), and it
// bounds the time of a single read only, so a client that drips bytes holds its thread for as long as it likes.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace duende::api {

inline constexpr std::size_t max_head_bytes = 16 * 1024;
inline constexpr std::size_t max_target_bytes = 8 * 1024;
inline constexpr std::size_t max_headers = 100;
inline constexpr std::size_t max_body_bytes = 4 * 1024 * 1024;

struct http_request {
  std::string method;
  std::string target;                         ///< as sent
  std::vector<std::string> segments;          ///< of the path, decoded: "/v1/daemons/a%2Fb" -> {"v1", "daemons", "a/b"}
  std::map<std::string, std::string> query;   ///< decoded; of a repeated key the last
  std::map<std::string, std::string> headers; ///< names in lower case; repeated ones joined by ", "
  std::string body;
  int minor_version = 1;

  /// The value, or "" where there is none.
  std::string_view header(const std::string& name) const;
  std::string_view parameter(const std::string& name) const;
  bool has_parameter(const std::string& name) const { return query.contains(name); }
};

/// Why a request is refused before any route sees it: a status of 400, 413, 414, 431, 501 or 505 and a sentence.
struct http_refusal {
  int status = 400;
  std::string text;
};

/// How the body that follows a head is framed (RFC 9112, section 6.3).
struct body_framing {
  bool chunked = false;
  std::size_t length = 0; ///< where not chunked
};

/// The length of the head including its empty line, once `received` holds all of it.
std::optional<std::size_t> find_head_end(std::string_view received);

/// Reads a complete head (with its empty line) into `request`. Strict: no folded lines, no control characters, one Host.
std::optional<http_refusal> parse_head(std::string_view head, http_request& request);

/// What the head says about the body. Content-Length beside chunked is refused: two readers could disagree about it.
std::optional<http_refusal> parse_framing(const http_request& request, body_framing& framing);

/// Takes chunks off a stream of bytes as they come.
class chunk_decoder {
public:
  /// Appends what `input` holds of the body to `body` and removes it from `input`.
  std::optional<http_refusal> feed(std::string& input, std::string& body);
  bool done() const { return stage_ == stage::done; }

private:
  enum class stage { size, data, data_end, trailer, done };
  stage stage_ = stage::size;
  std::size_t left_ = 0;
  std::size_t trailer_bytes_ = 0;
};

/// None where `text` holds a broken escape or %00. `plus_is_space` as in query strings.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);
std::string percent_encode(std::string_view text);
std::string_view reason_phrase(int status);

using http_headers = std::vector<std::pair<std::string, std::string>>;
/// Status line and headers up to and including the empty line. Every response closes its connection.
std::string make_head(int status, const http_headers& headers);

} // namespace duende::api
