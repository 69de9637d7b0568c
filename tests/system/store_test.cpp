// Descriptors that a daemon leaves to its next life: over its crash, the node's, an upgrade; gone when it is stopped.
#include "tests/support/catch.hpp"
#include "tests/system/node.hpp"

#include <csignal>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace duende::test;

namespace {

std::string keeper_of_things(const std::string& more = "fd_store_max = 4\n") {
  return R"(
[[daemon]]
name = "kv"
command = "@WORKER@ @DIR@/starts keep @DIR@/seen @DIR@/peer.sock"
ready = { type = "notify" }
restart = { policy = "always", initial_delay = "0s", next_delay = "0s" }
)" + more;
}

/// The other end of the connection that is left behind.
class peer {
public:
  explicit peer(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unlink(path.c_str());
    REQUIRE(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(listener_, 8) == 0);
  }
  ~peer() {
    close(connection_);
    close(listener_);
  }
  /// What came on the one connection so far.
  std::string heard() {
    if (connection_ < 0)
      connection_ = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    char text[1024];
    for (ssize_t n; (n = recv(connection_, text, sizeof text, MSG_DONTWAIT)) >= 0;) {
      if (n == 0) {
        text_ += "closed";
        break;
      }
      text_.append(text, static_cast<std::size_t>(n));
    }
    return text_;
  }
  void hang_up() {
    close(connection_);
    connection_ = -1;
  }

private:
  int listener_ = -1, connection_ = -1;
  std::string text_;
};

std::vector<std::string> seen(const node& n) { return lines_of(read_file(n.path("seen"))); }

void until_lives(const node& n, std::size_t count) {
  n.until("life " + std::to_string(count), [&] { return seen(n).size() == count && n.state("kv") == "running"; });
}

void crash(const node& n) { kill(n.pid_of_daemon("kv"), SIGKILL); }

/// One whose peer can be had only once the folder is there.
struct with_peer {
  with_peer(const std::string& more = "fd_store_max = 4\n")
    : n{"[[daemon]]\nname = \"first\"\ncommand = \"sleep 1000\"\n"}, other{n.path("peer.sock")} {
    n.rewrite_stack(keeper_of_things(more));
    auto applied = n.cli({"apply", "-f", n.path("duende.toml")});
    INFO(applied.err);
    REQUIRE(applied.status == 0);
    until_lives(n, 1);
  }
  node n;
  peer other;
};

} // namespace

TEST_CASE("a daemon that is killed finds its memory and its connection again") {
  with_peer t;
  CHECK(seen(t.n)[0] == "1 ");
  crash(t.n);
  until_lives(t.n, 2);
  CHECK(seen(t.n)[1] == "2 memory:peer");
  SECTION("and again") {
    crash(t.n);
    until_lives(t.n, 3);
    CHECK(seen(t.n)[2] == "3 memory:peer");
    CHECK(t.other.heard() == "life 1\nlife 2\nlife 3\n");
  }
  SECTION("also after a restart that was asked for") {
    CHECK(t.n.cli({"restart", "kv"}).status == 0);
    until_lives(t.n, 3);
    CHECK(seen(t.n)[2] == "3 memory:peer");
  }
  SECTION("also where the node is killed, before, with it and while it is gone") {
    auto node_pid = t.n.pid_of("duended");
    kill(node_pid, SIGKILL);
    t.n.until("the node is back", [&] { return t.n.pid_of("duended") != node_pid && !t.n.ps().empty(); });
    crash(t.n);
    until_lives(t.n, 3);
    auto daemon = t.n.pid_of_daemon("kv");
    node_pid = t.n.pid_of("duended");
    REQUIRE(freeze(node_pid));
    kill(daemon, SIGKILL);
    kill(node_pid, SIGKILL);
    until_lives(t.n, 4);
    CHECK(seen(t.n)[3] == "4 memory:peer");
    CHECK(t.other.heard() == "life 1\nlife 2\nlife 3\nlife 4\n");
  }
  SECTION("also over an upgrade") {
    CHECK(t.n.cli({"upgrade"}).status == 0);
    crash(t.n);
    until_lives(t.n, 3);
    CHECK(seen(t.n)[2] == "3 memory:peer");
  }
  SECTION("a stop lets go of all") {
    CHECK(t.n.cli({"stop", "kv"}).status == 0);
    CHECK(t.n.cli({"start", "kv"}).status == 0);
    until_lives(t.n, 3);
    CHECK(seen(t.n)[2] == "1 ");
    CHECK(t.other.heard() == "life 1\nlife 2\nclosed");
  }
  SECTION("a connection that hung up is gone, the rest stays") {
    t.other.heard();
    t.other.hang_up();
    crash(t.n);
    until_lives(t.n, 3);
    CHECK(seen(t.n)[2] == "3 memory");
  }
}

TEST_CASE("what is sent at the last moment of a life is there in the next one") {
  with_peer t;
  for (std::size_t i = 1; i < 8; ++i) { // each sends, and is killed while the node can't look
    auto node_pid = t.n.pid_of("duended");
    auto daemon = t.n.pid_of_daemon("kv");
    REQUIRE(freeze(node_pid));
    kill(daemon, SIGKILL);
    kill(node_pid, SIGCONT);
    until_lives(t.n, i + 1);
    CHECK(seen(t.n)[i] == std::to_string(i + 1) + " memory:peer");
  }
}

TEST_CASE("without room descriptors are refused, and an event says so") {
  auto refused = [](const node& n, const std::string& text) {
    n.until(text, [&] {
      for (auto& each : n.events())
        if (each["daemon"] == "kv" && each["kind"] == "limit")
          return std::string{each["text"]}.find(text) != std::string::npos;
      return false;
    });
  };
  SECTION("none is the default") {
    with_peer t{""};
    refused(t.n, "fd_store_max is 0");
    crash(t.n);
    until_lives(t.n, 2);
    CHECK(seen(t.n)[1] == "1 ");
  }
  SECTION("one") {
    with_peer t{"fd_store_max = 1\n"};
    refused(t.n, "it has 1 already, its fd_store_max");
    crash(t.n);
    until_lives(t.n, 2);
    CHECK(seen(t.n)[1] == "2 memory");
  }
}

TEST_CASE("others may not write to a daemon's notify socket") {
  node n{R"(
[[daemon]]
name = "victim"
command = "sh -c 'echo $NOTIFY_SOCKET > @DIR@/where.new && mv @DIR@/where.new @DIR@/where; exec sleep 1000'"
fd_store_max = 4
ready = { type = "notify", timeout = "60s" }
)"};
  n.until("it tells its socket", [&] { return !read_file(n.path("where")).empty(); });
  auto path = lines_of(read_file(n.path("where")))[0];
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  std::string_view text = "READY=1\nSTATUS=taken over";
  REQUIRE(sendto(fd, text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&address), sizeof address) > 0);
  close(fd);
  n.until("the event", [&] {
    for (auto& each : n.events())
      if (std::string{each["text"]}.find("none of its processes") != std::string::npos)
        return true;
    return false;
  });
  CHECK(n.state("victim") == "starting");
  CHECK(n.ps("victim")["status_text"] != "taken over");
}
