#include "core/trace_context.hpp"

#include "core/hex.hpp"

#include <sys/random.h>

#include <algorithm>
#include <random>
#include <span>
#include <vector>

namespace duende {
namespace {

constexpr std::size_t header_size = 55; ///< of version 00
constexpr std::size_t max_members = 32;
constexpr std::size_t max_part = 256; ///< a key or a value
constexpr std::size_t max_tenant = 241, max_system = 14;
constexpr std::uint8_t known_flags = trace_context::sampled_flag;

std::string_view trim(std::string_view text) {
  constexpr std::string_view blanks = " \t";
  const auto first = std::min(text.find_first_not_of(blanks), text.size());
  text.remove_prefix(first);
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}

bool take_hex(std::string_view text, std::span<std::uint8_t> to) {
  for (std::size_t i = 0; i < to.size(); ++i) {
    const char a = text[2 * i], b = text[2 * i + 1];
    const int high = hex_value(a), low = hex_value(b);
    if (high < 0 || low < 0 || (a >= 'A' && a <= 'F') || (b >= 'A' && b <= 'F'))
      return false;
    to[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return true;
}

bool is_zero(std::span<const std::uint8_t> id) {
  return std::all_of(id.begin(), id.end(), [](std::uint8_t x) { return x == 0; });
}

std::string hex(std::span<const std::uint8_t> id) {
  constexpr char digits[] = "0123456789abcdef";
  std::string result;
  result.reserve(2 * id.size());
  for (const auto x : id) {
    result += digits[x >> 4];
    result += digits[x & 15];
  }
  return result;
}

void randomize(std::span<std::uint8_t> id) {
  do {
    if (getrandom(id.data(), id.size(), 0) != static_cast<ssize_t>(id.size())) {
      std::random_device device; // only on kernels before 3.17
      for (auto& x : id)
        x = static_cast<std::uint8_t>(device());
    }
  } while (is_zero(id));
}

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_key_char(char c) { return is_lower(c) || is_digit(c) || c == '_' || c == '-' || c == '*' || c == '/'; }

bool is_simple_key(std::string_view key, std::size_t longest, bool digit_first) {
  return !key.empty() && key.size() <= longest && (is_lower(key[0]) || (digit_first && is_digit(key[0])))
         && std::all_of(key.begin(), key.end(), is_key_char);
}

bool is_key(std::string_view key) {
  const auto at = key.find('@');
  if (at == key.npos)
    return is_simple_key(key, max_part, false);
  return is_simple_key(key.substr(0, at), max_tenant, true) && is_simple_key(key.substr(at + 1), max_system, false);
}

bool is_value(std::string_view value) {
  return !value.empty() && value.size() <= max_part && value.back() != ' '
         && std::all_of(
           value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~' && c != ',' && c != '='; });
}

} // namespace

std::optional<trace_context> parse_traceparent(std::string_view text) {
  text = trim(text);
  trace_context result;
  std::array<std::uint8_t, 1> version{}, flags{};
  if (text.size() < header_size || text[2] != '-' || text[35] != '-' || text[52] != '-')
    return std::nullopt;
  if (
    !take_hex(text, version) || !take_hex(text.substr(3), result.trace_id) || !take_hex(text.substr(36), result.span_id)
    || !take_hex(text.substr(53), flags))
    return std::nullopt;
  constexpr std::uint8_t forbidden = 0xff;
  if (version[0] == forbidden || is_zero(result.trace_id) || is_zero(result.span_id))
    return std::nullopt;
  if (text.size() > header_size && (version[0] == 0 || text[header_size] != '-'))
    return std::nullopt;
  result.flags = flags[0] & known_flags;
  return result;
}

bool is_tracestate(std::string_view text) {
  std::vector<std::string_view> keys;
  for (std::size_t from = 0; from <= text.size();) {
    const auto comma = std::min(text.find(',', from), text.size());
    auto member = trim(text.substr(from, comma - from));
    from = comma + 1;
    if (member.empty())
      continue; // allowed, and does not count
    const auto equals = member.find('=');
    if (equals == member.npos || !is_key(member.substr(0, equals)) || !is_value(member.substr(equals + 1)))
      return false;
    const auto key = member.substr(0, equals);
    if (keys.size() == max_members || std::find(keys.begin(), keys.end(), key) != keys.end())
      return false;
    keys.push_back(key);
  }
  return true;
}

std::optional<trace_context> parse_trace(std::string_view traceparent, std::string_view tracestate) {
  auto result = parse_traceparent(traceparent);
  if (result && is_tracestate(tracestate))
    result->state = trim(tracestate);
  return result;
}

std::string to_traceparent(const trace_context& context) {
  return "00-" + hex(context.trace_id) + '-' + hex(context.span_id) + '-'
         + hex(std::array{static_cast<std::uint8_t>(context.flags & known_flags)});
}

trace_context new_trace() {
  trace_context result;
  randomize(result.trace_id);
  randomize(result.span_id);
  result.flags = trace_context::sampled_flag;
  return result;
}

trace_context child_of(const trace_context& parent) {
  auto result = parent;
  randomize(result.span_id);
  return result;
}

trace_context child_of(const trace_ptr& parent) { return parent ? child_of(*parent) : new_trace(); }

std::string hex_text(const std::array<std::uint8_t, 16>& id) { return hex(id); }
std::string hex_text(const std::array<std::uint8_t, 8>& id) { return hex(id); }

} // namespace duende
