#include "actors/api/tokens.hpp"

#include "actors/api/openssl_library.hpp"

#include <fmt/format.h>

#include <array>

namespace duende::api {
namespace {

constexpr std::size_t max_presented = 4096;

std::string hexadecimal(const unsigned char* bytes, std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i)
    text += fmt::format("{:02x}", bytes[i]);
  return text;
}

/// What follows "Bearer "; none where the header says something else.
std::optional<std::string_view> presented_token(std::string_view header) {
  constexpr std::string_view scheme = "bearer ";
  if (header.size() <= scheme.size() || header.size() > max_presented)
    return std::nullopt;
  for (std::size_t i = 0; i < scheme.size(); ++i)
    if ((header[i] >= 'A' && header[i] <= 'Z' ? header[i] + 32 : header[i]) != scheme[i])
      return std::nullopt;
  header.remove_prefix(scheme.size());
  header.remove_prefix(std::min(header.size(), header.find_first_not_of(' ')));
  return header;
}

http_response unauthorized(std::string_view challenge, std::string_view text) {
  auto response = problem(401, "unauthorized", "Unauthorized", text);
  response.headers.emplace_back("WWW-Authenticate", std::string{challenge});
  return response;
}

} // namespace

caf::expected<std::string> make_token() {
  auto library = load_openssl();
  if (!library)
    return library.error();
  std::array<unsigned char, 32> bytes{};
  if ((*library)->random_bytes(bytes.data(), bytes.size()) != 1)
    return fail(errc::io_failure, "the system gives no random bytes");
  return "duende_" + hexadecimal(bytes.data(), bytes.size());
}

caf::expected<std::string> hash_of_token(std::string_view token) {
  auto library = load_openssl();
  if (!library)
    return library.error();
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned size = 0;
  if ((*library)->digest(token.data(), token.size(), bytes.data(), &size, (*library)->sha256(), nullptr) != 1)
    return fail(errc::unsupported, "OpenSSL has no SHA-256");
  return "sha256:" + hexadecimal(bytes.data(), size);
}

caf::expected<void> token_gate::set(std::vector<token_spec> tokens) {
  if (!tokens.empty())
    if (auto hashed = hash_of_token(""); !hashed)
      return hashed.error();
  std::lock_guard lock{mutex_};
  tokens_ = std::make_shared<token_list>(std::move(tokens));
  return {};
}

std::shared_ptr<const token_gate::token_list> token_gate::tokens() const {
  std::lock_guard lock{mutex_};
  return tokens_;
}

bool token_gate::guards() const { return !tokens()->empty(); }

std::optional<http_response> token_gate::refuse(const http_request& request, const std::string& peer, instant now) {
  auto known = tokens();
  if (known->empty())
    return std::nullopt;
  auto header = request.header("authorization");
  if (header.empty()) // somebody who has not tried does not count as a failure
    return unauthorized("Bearer realm=\"duende\"", "this node wants a token: Authorization: Bearer TOKEN");
  auto address = limited_address(peer);
  {
    std::lock_guard lock{mutex_};
    if (auto wait = failures_.wait_of(address, now); wait > duration::zero()) {
      auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
      auto response = problem(
        429, "too-many-failures", "Too many requests",
        fmt::format("too many wrong tokens from this address: wait for {} s", seconds));
      response.headers.emplace_back("Retry-After", std::to_string(seconds));
      return response;
    }
  }
  auto token = presented_token(header);
  const token_spec* holder = nullptr;
  if (auto hash = token ? hash_of_token(*token) : caf::expected<std::string>{std::string{}}; hash && !hash->empty()) {
    const auto& compare = (*load_openssl())->constant_time_compare;
    for (const auto& each : *known) // all of them: how long it takes says nothing
      if (each.hash.size() == hash->size() && compare(each.hash.data(), hash->data(), hash->size()) == 0)
        holder = &each;
  }
  if (holder == nullptr) {
    std::lock_guard lock{mutex_};
    failures_.failed(address, now);
    return unauthorized("Bearer realm=\"duende\", error=\"invalid_token\"", "this is none of the node's tokens");
  }
  if (holder->access == access_level::read && request.method != "GET" && request.method != "HEAD") {
    auto response = problem(
      403, "read-only", "Forbidden",
      fmt::format("the token '{}' may only read: {} needs one with access = \"full\"", holder->name, request.method));
    return response;
  }
  return std::nullopt;
}

} // namespace duende::api
