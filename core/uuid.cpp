#include "core/uuid.hpp"

#include "core/hex.hpp"

#include <sys/random.h>

#include <random>

namespace duende {

uuid uuid::random() {
  uuid result;
  if (getrandom(result.bytes.data(), result.bytes.size(), 0) != static_cast<ssize_t>(result.bytes.size())) {
    std::random_device device; // only on kernels before 3.17
    for (auto& byte : result.bytes)
      byte = static_cast<std::uint8_t>(device());
  }
  result.bytes[6] = static_cast<std::uint8_t>((result.bytes[6] & 0x0f) | 0x40); // version 4
  result.bytes[8] = static_cast<std::uint8_t>((result.bytes[8] & 0x3f) | 0x80); // variant of RFC 9562
  return result;
}

namespace {

constexpr bool dash_before(std::size_t byte) { return byte == 4 || byte == 6 || byte == 8 || byte == 10; }

} // namespace

std::optional<uuid> uuid::parse(std::string_view text) {
  if (text.size() != 36)
    return std::nullopt;
  uuid result;
  std::size_t at = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    if (dash_before(i) && text[at++] != '-')
      return std::nullopt;
    int high = hex_value(text[at]);
    int low = hex_value(text[at + 1]);
    if (high < 0 || low < 0)
      return std::nullopt;
    result.bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
    at += 2;
  }
  return result;
}

std::string to_string(const uuid& id) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string result;
  result.reserve(36);
  for (std::size_t i = 0; i < 16; ++i) {
    if (dash_before(i))
      result += '-';
    result += digits[id.bytes[i] >> 4];
    result += digits[id.bytes[i] & 15];
  }
  return result;
}

} // namespace duende
