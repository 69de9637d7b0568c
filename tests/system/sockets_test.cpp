// Sockets that the keeper holds: whatever dies, no connection is refused.
#include "tests/support/catch.hpp"
#include "tests/system/asking_client.hpp"
#include "tests/system/node.hpp"

#include <csignal>
#include <filesystem>
#include <thread>

using namespace duende::test;

namespace {

std::string web(int port, const std::string& more = {}) {
  return R"(
[[daemon]]
name = "web"
command = "@WORKER@ @DIR@/web serve"
restart = { policy = "always", initial_delay = "0s", next_delay = "0s" }
  [[daemon.socket]]
  listen = "127.0.0.1:)"
         + std::to_string(port) + R"("
  name = "http"
  [[daemon.socket]]
  listen = "unix:@DIR@/web.sock"
)" + more;
}

} // namespace

TEST_CASE("a held socket refuses nobody while its daemon, its node or its keeper is gone") {
  auto port = free_port();
  auto address = "127.0.0.1:" + std::to_string(port);
  node n{web(port)};
  n.until_state("web", "running");
  auto first = http(address, "GET", "/");
  CHECK(first.body == std::to_string(n.pid_of_daemon("web")) + " 2 http:web\n");

  SECTION("graceful restarts lose no request") {
    asking_client asking{address};
    for (int i = 0; i < 10; ++i)
      REQUIRE(n.cli({"restart", "web"}).status == 0);
    asking.end();
    CHECK(asking.failed == 0);
    CHECK(asking.answered > 10);
  }
  SECTION("a killed daemon") {
    kill(n.pid_of_daemon("web"), SIGKILL);
    CHECK(http(address, "GET", "/").status == 200);
  }
  SECTION("a stopped daemon: the connection waits for the next start") {
    REQUIRE(n.cli({"stop", "web"}).status == 0);
    std::thread later{[&] { n.cli({"start", "web"}); }};
    CHECK(http(address, "GET", "/").status == 200);
    later.join();
  }
  SECTION("a killed node") {
    auto pid = n.pid_of_daemon("web");
    kill(n.pid_of("duended"), SIGKILL);
    kill(pid, SIGKILL);
    CHECK(http(address, "GET", "/").status == 200);
  }
  SECTION("a killed keeper: the socket lives on in the daemon, and the next keeper takes it from there") {
    auto pid = n.pid_of_daemon("web");
    kill(n.pid_of("duende-keeper"), SIGKILL);
    REQUIRE(n.wait(20));
    CHECK(http(address, "GET", "/").status == 200);
    n.start_again();
    n.until_state("web", "running");
    CHECK(n.pid_of_daemon("web") == pid);
    asking_client asking{address};
    REQUIRE(n.cli({"restart", "web"}).status == 0);
    asking.end();
    CHECK(asking.failed == 0);
    CHECK(n.pid_of_daemon("web") != pid);
  }
}

TEST_CASE("sockets that are no longer wanted are closed") {
  auto port = free_port();
  auto address = "127.0.0.1:" + std::to_string(port);
  node n{web(port)};
  n.until_state("web", "running");
  REQUIRE(n.cli({"rm", "web"}).status == 0);
  n.until("nobody listens", [&] { return http(address, "GET", "/").status == 0; });
  CHECK_FALSE(std::filesystem::exists(n.path("web.sock")));
}

TEST_CASE("an address that is taken is a failed start that says so") {
  auto port = free_port();
  node taker{web(port)};
  taker.until_state("web", "running");
  node n{web(port)};
  n.until("the start fails", [&] {
    auto last = n.ps("web")["last_exit"];
    return last.is_object() && std::string{last["text"]}.find("cannot listen on '127.0.0.1:") != std::string::npos;
  });
  CHECK(n.ps("web")["last_exit"]["text"].get<std::string>().find("Address already in use") != std::string::npos);
}
