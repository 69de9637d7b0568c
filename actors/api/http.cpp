#include "actors/api/http.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace duende::api {
namespace {

http_refusal refuse(int status, std::string text) { return {status, std::move(text)}; }

bool is_token_char(char c) {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
         || others.find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char); }

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

std::string lower(std::string_view text) {
  std::string result{text};
  for (auto& c : result)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  return result;
}

bool parse_query(std::string_view text, http_request& request) {
  while (!text.empty()) {
    auto pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    if (pair.empty())
      continue;
    auto equals = pair.find('=');
    auto key = percent_decode(pair.substr(0, equals), true);
    auto value = percent_decode(equals == std::string_view::npos ? "" : pair.substr(equals + 1), true);
    if (!key || !value)
      return false;
    request.query[*key] = *value;
  }
  return true;
}

std::optional<http_refusal> parse_target(std::string_view target, http_request& request) {
  if (target.size() > max_target_bytes)
    return refuse(414, fmt::format("the request target is longer than {} bytes", max_target_bytes));
  if (target.empty() || target.front() != '/')
    return refuse(400, "the request target must be a path that starts with '/'");
  for (char c : target)
    if (static_cast<unsigned char>(c) <= ' ' || static_cast<unsigned char>(c) >= 0x7f)
      return refuse(400, "the request target holds characters that must be percent-encoded");
  request.target = target;
  auto question = target.find('?');
  auto path = target.substr(1, question == std::string_view::npos ? question : question - 1);
  if (question != std::string_view::npos && !parse_query(target.substr(question + 1), request))
    return refuse(400, "the query holds a broken percent escape");
  while (true) {
    auto slash = path.find('/');
    auto segment = percent_decode(path.substr(0, slash), false);
    if (!segment)
      return refuse(400, "the path holds a broken percent escape");
    request.segments.push_back(*segment);
    if (slash == std::string_view::npos)
      return std::nullopt;
    path.remove_prefix(slash + 1);
  }
}

std::optional<http_refusal> parse_request_line(std::string_view line, http_request& request) {
  auto first = line.find(' ');
  auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last)
    return refuse(400, "the request line is not 'METHOD TARGET HTTP/1.1'");
  auto method = line.substr(0, first);
  auto version = line.substr(last + 1);
  if (!is_token(method) || method.size() > 32)
    return refuse(400, "the request method is not a token");
  if (version != "HTTP/1.1" && version != "HTTP/1.0")
    return version.starts_with("HTTP/") ? refuse(505, "only HTTP/1.1 and HTTP/1.0 are spoken here")
                                        : refuse(400, "the request line is not 'METHOD TARGET HTTP/1.1'");
  request.method = method;
  request.minor_version = version.back() - '0';
  return parse_target(line.substr(first + 1, last - first - 1), request);
}

std::optional<http_refusal> parse_header(std::string_view line, http_request& request) {
  auto colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
    return refuse(400, "a header line is not 'Name: value'");
  auto value = trim(line.substr(colon + 1));
  for (char c : value)
    if ((static_cast<unsigned char>(c) < ' ' && c != '\t') || c == 0x7f)
      return refuse(400, "a header value holds a control character");
  auto name = lower(line.substr(0, colon));
  auto [place, fresh] = request.headers.try_emplace(name, value);
  if (fresh)
    return std::nullopt;
  if (name == "host" || name == "content-length")
    return refuse(400, fmt::format("header '{}' is given twice", name));
  place->second += ", ";
  place->second += value;
  return std::nullopt;
}

} // namespace

std::string_view http_request::header(const std::string& name) const {
  auto i = headers.find(name);
  return i == headers.end() ? std::string_view{} : i->second;
}

std::string_view http_request::parameter(const std::string& name) const {
  auto i = query.find(name);
  return i == query.end() ? std::string_view{} : i->second;
}

std::optional<std::size_t> find_head_end(std::string_view received) {
  auto end = received.find("\r\n\r\n");
  if (end == std::string_view::npos)
    return std::nullopt;
  return end + 4;
}

std::optional<http_refusal> parse_head(std::string_view head, http_request& request) {
  bool first = true;
  std::size_t count = 0;
  while (true) {
    auto end = head.find("\r\n");
    if (end == std::string_view::npos)
      return refuse(400, "the head of the request is torn");
    auto line = head.substr(0, end);
    head.remove_prefix(end + 2);
    if (line.find_first_of("\r\n") != std::string_view::npos || line.find('\0') != std::string_view::npos)
      return refuse(400, "the head of the request holds a bare line end or a zero byte");
    if (line.empty() && !first)
      break;
    if (++count > max_headers + 1)
      return refuse(431, fmt::format("more than {} header lines", max_headers));
    if (auto refused = first ? parse_request_line(line, request) : parse_header(line, request))
      return refused;
    first = false;
  }
  if (request.minor_version == 1 && !request.headers.contains("host"))
    return refuse(400, "an HTTP/1.1 request needs a Host header");
  return std::nullopt;
}

std::optional<http_refusal> parse_framing(const http_request& request, body_framing& framing) {
  framing = {};
  auto coding = request.header("transfer-encoding");
  bool has_length = request.headers.contains("content-length");
  if (!coding.empty()) {
    if (has_length || request.minor_version == 0)
      return refuse(400, "Transfer-Encoding beside Content-Length or in HTTP/1.0");
    if (lower(coding) != "chunked")
      return refuse(501, "no Transfer-Encoding but 'chunked' is understood");
    framing.chunked = true;
    return std::nullopt;
  }
  if (!has_length)
    return std::nullopt;
  auto text = request.header("content-length");
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), framing.length);
  if (error == std::errc::result_out_of_range)
    return refuse(413, fmt::format("the body is larger than {} bytes", max_body_bytes));
  if (error != std::errc{} || end != text.data() + text.size())
    return refuse(400, "Content-Length is not a number");
  if (framing.length > max_body_bytes)
    return refuse(413, fmt::format("the body is larger than {} bytes", max_body_bytes));
  return std::nullopt;
}

std::optional<http_refusal> chunk_decoder::feed(std::string& input, std::string& body) {
  std::string_view rest = input;
  auto keep = [&] { input.erase(0, input.size() - rest.size()); };
  while (stage_ != stage::done) {
    if (stage_ == stage::data) {
      auto taken = std::min(left_, rest.size());
      body.append(rest.substr(0, taken));
      rest.remove_prefix(taken);
      left_ -= taken;
      if (left_ > 0)
        break;
      stage_ = stage::data_end;
    }
    auto end = rest.find("\r\n");
    if (end == std::string_view::npos) {
      if (rest.size() > 1024)
        return refuse(400, "a chunk line is too long");
      break;
    }
    auto line = rest.substr(0, end);
    rest.remove_prefix(end + 2);
    if (stage_ == stage::data_end) {
      if (!line.empty())
        return refuse(400, "a chunk is longer than it said");
      stage_ = stage::size;
    } else if (stage_ == stage::trailer) {
      trailer_bytes_ += line.size() + 2;
      if (trailer_bytes_ > max_head_bytes)
        return refuse(431, "the trailer is too long");
      if (line.empty())
        stage_ = stage::done;
    } else {
      auto size = line.substr(0, line.find(';'));
      auto [stop, error] = std::from_chars(size.data(), size.data() + size.size(), left_, 16);
      if (error == std::errc::result_out_of_range)
        return refuse(413, fmt::format("the body is larger than {} bytes", max_body_bytes));
      if (error != std::errc{} || stop != size.data() + size.size())
        return refuse(400, "a chunk size is not a hexadecimal number");
      if (left_ > max_body_bytes - std::min(max_body_bytes, body.size()))
        return refuse(413, fmt::format("the body is larger than {} bytes", max_body_bytes));
      stage_ = left_ == 0 ? stage::trailer : stage::data;
    }
  }
  keep();
  return std::nullopt;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100: return "Continue";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "Unknown";
  }
}

std::string make_head(int status, const http_headers& headers) {
  auto head = fmt::format("HTTP/1.1 {} {}\r\n", status, reason_phrase(status));
  for (const auto& [name, value] : headers)
    head += fmt::format("{}: {}\r\n", name, value);
  head += "Connection: close\r\n\r\n";
  return head;
}

} // namespace duende::api
