// Identifiers: random UUIDs (RFC 9562, version 4).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace duende {

struct uuid {
  std::array<std::uint8_t, 16> bytes{};

  /// A fresh random id from the kernel's generator. Thread-safe.
  static uuid random();
  /// Reads the 36-character form; nothing else is accepted.
  static std::optional<uuid> parse(std::string_view text);

  bool nil() const { return *this == uuid{}; }
  auto operator<=>(const uuid&) const = default; // NOLINT(modernize-use-nullptr): taken for one
};

/// The 36-character lower-case form.
std::string to_string(const uuid& id);

template <class Inspector>
auto inspect(Inspector& f, uuid& x) {
  return f(x.bytes);
}

} // namespace duende

template <>
struct std::hash<duende::uuid> {
  std::size_t operator()(const duende::uuid& id) const noexcept {
    std::size_t value;
    __builtin_memcpy(&value, id.bytes.data(), sizeof value); // random already
    return value;
  }
};
