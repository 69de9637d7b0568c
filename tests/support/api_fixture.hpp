// An API server in front of a node in memory, on a socket of its own.
#pragma once

#include "actors/api/server.hpp"
#include "tests/support/fake_control.hpp"
#include "tests/support/raw_http.hpp"

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace duende::test {

class api_fixture {
public:
  explicit api_fixture(api_options options = {}) {
    std::string pattern = "/tmp/duende-api-XXXXXX";
    dir = mkdtemp(pattern.data());
    socket = dir + "/run/api.sock";
    node.log_root = dir + "/logs";
    options.socket_path = socket;
    auto started = api_server::start(node, std::move(options));
    if (!started)
      throw std::runtime_error(sentence(started.error()));
    server = std::move(*started);
  }
  ~api_fixture() {
    node.shutdown();
    server.reset();
    std::filesystem::remove_all(dir);
  }

  raw_response get(std::string_view target, std::string_view headers = {}) {
    return ask(socket, "GET", target, {}, headers);
  }
  raw_response post(std::string_view target, std::string_view body = {}) { return ask(socket, "POST", target, body); }

  std::string dir, socket;
  fake_control node;
  std::unique_ptr<api_server> server;
};

} // namespace duende::test
