// A node that comes back goes on with what ran, whatever became of its file meanwhile.
#include "tests/support/catch.hpp"
#include "tests/system/node.hpp"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <csignal>
#include <filesystem>
#include <unistd.h>

using namespace duende::test;

namespace {

const char* stack = "[[daemon]]\nname = \"web\"\ncommand = \"@WORKER@ @DIR@/web idle\"\n";

void kill_node(const node& n) {
  auto old = n.pid_of("duended");
  kill(old, SIGKILL);
  n.until("the keeper starts the node again", [&] {
    auto now = n.pid_of("duended");
    return now != 0 && now != old && n.get("/v1/daemons").status == 200;
  });
}

/// Somebody else's listener.
class taken_port {
public:
  explicit taken_port(int port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(static_cast<std::uint16_t>(port));
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int yes = 1;
    setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    held = eventually(10, [&] { return bind(fd_, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0; })
           && listen(fd_, 1) == 0;
  }
  ~taken_port() { close(fd_); }
  bool held = false;

private:
  int fd_;
};

} // namespace

TEST_CASE("a node comes back with its name, its state and its daemons, whatever its file says by then") {
  node n{stack};
  n.until_state("web", "running");
  n.until("what runs is written down", [&] { return !n.events().empty(); }); // the stack goes ahead of all events
  auto before = n.ps("web");
  auto name = json::parse(n.get("/v1/node").body)["name"];
  auto file = n.path("duende.toml");
  SECTION("nothing that can be read") { write_file(file, "[[daemon]\nname = \"web\n"); }
  SECTION("it is gone") { std::filesystem::remove(file); }
  SECTION("another name and another state directory") {
    write_file(
      file, "[node]\nname = \"other\"\nstate_dir = \"" + n.path("elsewhere")
              + "\"\nmetrics = \"off\"\n[[daemon]]\nname = \"web\"\ncommand = \"sleep 1\"\n");
  }
  kill_node(n);
  auto after = n.ps("web");
  CHECK(after["pid"] == before["pid"]);
  CHECK(after["id"] == before["id"]);
  CHECK(after["state"] == "running");
  CHECK(json::parse(n.get("/v1/node").body)["name"] == name);
  CHECK_FALSE(std::filesystem::exists(n.path("elsewhere")));
  auto events = n.events();
  CHECK(events.front()["text"] == "node 'test' starts");
}

TEST_CASE("a port that was taken meanwhile keeps no node away") {
  node n{stack};
  n.until_state("web", "running");
  auto pid = n.pid_of_daemon("web");
  auto old = n.pid_of("duended");
  auto address = n.metrics_address();
  REQUIRE(freeze(n.pid_of("duende-keeper"))); // it starts nothing until the port is taken
  kill(old, SIGKILL);
  {
    taken_port other{std::stoi(address.substr(address.rfind(':') + 1))};
    REQUIRE(other.held);
    kill(n.pid_of("duende-keeper"), SIGCONT);
    n.until("the node is back", [&] { return n.get("/v1/daemons").status == 200; });
    CHECK(n.pid_of_daemon("web") == pid);
    CHECK(n.log().find("there are no metrics") != std::string::npos);
  }
  REQUIRE(n.cli({"upgrade"}).status == 0);
  CHECK(http(address, "GET", "/metrics").status == 200);
  CHECK(n.pid_of_daemon("web") == pid);
}

TEST_CASE("a node that reads its file again still listens") {
  node n{
    std::string{stack}
    + "shutdown_timeout = \"2s\"\n[[daemon]]\nname = \"slow\"\ncommand = \"@WORKER@ @DIR@/slow "
      "stubborn\"\nshutdown_timeout = \"60s\"\n"};
  n.until_state("slow", "running");
  n.until_state("web", "running");
  auto web = n.pid_of_daemon("web"), slow = n.pid_of_daemon("slow"), node_pid = n.pid_of("duended");
  n.rewrite_stack(stack); // slow goes, and takes its time
  kill(node_pid, SIGHUP);
  n.until("the file is applied", [&] { return n.ps("slow").is_null(); });
  kill(node_pid, SIGHUP);
  kill(node_pid, SIGTERM);
  CHECK(eventually(10, [&] { return !alive(web); }));
  CHECK(alive(slow));
  kill(slow, SIGKILL);
  CHECK(n.wait(10) == 0);
}
