// A node on another machine: its address, who we are to it, and why it can't be talked to.
#pragma once

#include "apps/duende/client.hpp"

#include <httplib.h>

#include <string>

namespace duende::cli {

struct node_url {
  std::string host; ///< without brackets
  int port = 0;
  bool tls = true;
  bool loopback = false;
};

/// "https://HOST[:PORT]" or "http://HOST[:PORT]", with nothing behind it. Errors: invalid_config.
caf::expected<node_url> parse_url(std::string_view text);

/// `verified`: X509_V_... of the last handshake.
caf::error explain_tls(const std::string& where, httplib::Error error, long verified, const credentials& mine);

/// The token of `file`, else of `variable` (the value of $DUENDE_TOKEN), else none. Errors: io_failure, invalid_config; the token
/// is in none of them.
caf::expected<std::string> find_token(const std::string& file, const char* variable);

} // namespace duende::cli
