#include "monitors/probes/grpc_message.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace duende {
namespace {

constexpr std::size_t prefix_bytes = 5; ///< a byte "compressed", four of length, big-endian
constexpr auto serving_words =
  std::to_array<std::string_view>({"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"});
/// Source: statuscodes.md of gRPC.
constexpr auto status_words = std::to_array<std::string_view>(
  {"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
   "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
   "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"});

void put_varint(std::string& to, std::uint64_t x) {
  for (; x >= 0x80; x >>= 7)
    to += static_cast<char>(x | 0x80);
  to += static_cast<char>(x);
}

std::optional<std::uint64_t> take_varint(std::string_view& from) {
  std::uint64_t x = 0;
  for (unsigned shift = 0; shift < 64 && !from.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(from.front());
    from.remove_prefix(1);
    x |= std::uint64_t{byte & 0x7fu} << shift;
    if ((byte & 0x80) == 0)
      return x;
  }
  return std::nullopt;
}

/// The value of field 1, 0 where it is not there; none where the message is malformed.
std::optional<std::uint64_t> status_of(std::string_view message) {
  std::uint64_t result = 0;
  while (!message.empty()) {
    auto tag = take_varint(message);
    if (!tag)
      return std::nullopt;
    switch (*tag & 7) {
      case 0: {
        auto x = take_varint(message);
        if (!x)
          return std::nullopt;
        result = *tag >> 3 == 1 ? *x : result;
        break;
      }
      case 2: {
        auto size = take_varint(message);
        if (!size || *size > message.size())
          return std::nullopt;
        message.remove_prefix(static_cast<std::size_t>(*size));
        break;
      }
      default: return std::nullopt;
    }
  }
  return result;
}

/// The last one of that name: trailers come after headers.
std::string_view header(std::string_view lines, std::string_view name) {
  std::string_view found;
  while (!lines.empty()) {
    auto end = std::min(lines.find('\n'), lines.size());
    auto line = lines.substr(0, end);
    lines.remove_prefix(std::min(end + 1, lines.size()));
    if (line.size() <= name.size() || !line.starts_with(name) || line[name.size()] != ':')
      continue; // HTTP/2 has lower-case names only
    line.remove_prefix(name.size() + 1);
    while (!line.empty() && line.front() == ' ')
      line.remove_prefix(1);
    while (!line.empty() && (line.back() == '\r' || line.back() == ' '))
      line.remove_suffix(1);
    found = line;
  }
  return found;
}

std::string failed_call(std::string_view status, std::string_view message) {
  std::size_t number = 0;
  for (char c : status)
    number = c >= '0' && c <= '9' && number < 100 ? number * 10 + static_cast<std::size_t>(c - '0') : 100;
  auto word = number < status_words.size() ? status_words[number] : status.substr(0, 20);
  return message.empty() ? fmt::format("the call failed: {}", word)
                         : fmt::format("the call failed: {}: {}", word, message.substr(0, 200));
}

} // namespace

std::string grpc_health_request(std::string_view service) {
  std::string message;
  if (!service.empty()) {
    message += '\x0a'; // field 1, length-delimited
    put_varint(message, service.size());
    message += service;
  }
  std::string result(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8)
    result += static_cast<char>(message.size() >> shift);
  return result + message;
}

std::string grpc_health_problem(long http_status, std::string_view headers, std::string_view body) {
  if (http_status != 200)
    return fmt::format("HTTP status {}: no gRPC server", http_status);
  const auto status = header(headers, "grpc-status");
  if (status.empty())
    return "no grpc-status in the answer: no gRPC server";
  if (status != "0")
    return failed_call(status, header(headers, "grpc-message"));
  std::size_t size = 0;
  for (std::size_t i = 1; i < prefix_bytes && i < body.size(); ++i)
    size = size << 8 | static_cast<unsigned char>(body[i]);
  if (body.size() < prefix_bytes || body[0] != '\0' || body.size() - prefix_bytes < size)
    return "an answer that is no message";
  const auto serving = status_of(body.substr(prefix_bytes, size));
  if (!serving)
    return "an answer that is no HealthCheckResponse";
  if (*serving == 1)
    return {};
  return *serving < serving_words.size() ? fmt::format("it is {}", serving_words[static_cast<std::size_t>(*serving)])
                                         : fmt::format("it is in state {}", *serving);
}

} // namespace duende
