// Bearer tokens (RFC 6750) of the TCP listener: made, hashed, and asked for.
#pragma once

#include "actors/api/failure_limit.hpp"
#include "actors/api/http.hpp"
#include "actors/api/routes.hpp"
#include "core/spec.hpp"

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace duende::api {

/// "duende_" and 64 hexadecimal digits: 256 random bits. Errors: unsupported without OpenSSL, io_failure without entropy.
caf::expected<std::string> make_token();
/// As in `token_spec::hash`. A plain hash is enough: nobody can try 2^256 tokens.
caf::expected<std::string> hash_of_token(std::string_view token);

/// Who may use a listener. Thread-safe.
class token_gate {
public:
  /// Errors: unsupported without OpenSSL.
  caf::expected<void> set(std::vector<token_spec> tokens);
  /// Whether any token is asked for.
  bool guards() const;

  /// Why the request may not pass: 401 without a token or with a wrong one, 429 after too many wrong ones from `peer`, 403 where
  /// its token may only read. The token is compared in constant time with every one there is.
  std::optional<http_response> refuse(const http_request& request, const std::string& peer, instant now);

private:
  using token_list = std::vector<token_spec>;
  std::shared_ptr<const token_list> tokens() const;

  mutable std::mutex mutex_;
  std::shared_ptr<const token_list> tokens_ = std::make_shared<token_list>();
  failure_limit failures_;
};

} // namespace duende::api
