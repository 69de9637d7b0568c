// A client that speaks TLS with bytes of its own, and certificates made by openssl(1).
#pragma once

#include "tests/system/node.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace duende::test {

/// A connection to 127.0.0.1; `source` is the address that it comes from, any of 127.0.0.0/8. No certificate is checked.
class tls_peer {
public:
  explicit tls_peer(int port, const std::string& source = "127.0.0.1", bool handshake = true);
  ~tls_peer();
  tls_peer(const tls_peer&) = delete;
  tls_peer& operator=(const tls_peer&) = delete;

  bool connected() const;
  bool send(std::string_view text);
  /// Past TLS.
  bool send_plain(std::string_view text);
  /// Until the end, `until` was seen, or `seconds` have passed.
  std::string receive(std::string_view until = {}, double seconds = 10);
  /// The other side has closed, or broken off.
  bool ended() const;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

/// One request over TLS and its answer. `token` empty: none is sent.
response https(
  int port, std::string_view method, std::string_view path, std::string_view token = {}, std::string_view body = {},
  const std::string& source = "127.0.0.1");
response parse_answer(const std::string& text);

/// Makes NAME.pem and NAME.key in `dir`, signed by CA.pem (made where it is missing), for `names` ("DNS:localhost,IP:127.0.0.1").
/// `days` below 0: it has expired. `seconds` on top of them.
void make_certificate(
  const std::string& dir, const std::string& name, const std::string& names, int days = 365, int seconds = 0);

struct made_token {
  std::string token, toml;
};
/// By `duende token`.
made_token make_token(const std::string& name, const std::string& access = "full");

} // namespace duende::test
