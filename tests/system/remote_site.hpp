// What a node off loopback needs, and the command line against it.
#pragma once

#include "tests/system/tls_peer.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace duende::test {

inline const std::string stack_of_one = R"(
[[daemon]]
name = "web"
command = "@WORKER@ @DIR@/web"
)";

inline bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// Certificates, tokens, and the lines of [node] that name them.
struct site {
  explicit site(int days = 365) {
    make_certificate(dir.path(), "node", "DNS:localhost,IP:127.0.0.1", days);
    keys = "api = \"0.0.0.0:" + std::to_string(port) + "\"\n[node.tls]\ncertificate = \"" + dir.path("node.pem")
           + "\"\nkey = \"" + dir.path("node.key") + "\"\n" + full.toml + read.toml;
    write_file(dir.path("full"), full.token + "\n");
    write_file(dir.path("read"), read.token + "\n");
    write_file(dir.path("wrong"), "duende_" + std::string(64, '0') + "\n");
    for (auto name : {"full", "read", "wrong"})
      std::filesystem::permissions(dir.path(name), std::filesystem::perms::owner_read);
  }
  options how(const std::string& more = {}) const { return {.node_keys = keys + more}; }
  std::string url(const std::string& host = "localhost") const {
    return "https://" + host + ":" + std::to_string(port);
  }
  /// `duende` against the node over TLS.
  outcome cli(std::vector<std::string> words, const std::string& token = "full") const {
    words.insert(words.begin(), {program("duende"), "--url", url(), "--ca", dir.path("CA.pem")});
    if (!token.empty())
      words.insert(words.end(), {"--token-file", dir.path(token)});
    return run(words);
  }

  scratch dir;
  int port = free_port();
  made_token full = make_token("anna"), read = make_token("prometheus", "read");
  std::string keys;
};

} // namespace duende::test
