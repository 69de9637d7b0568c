#include "core/listen_address.hpp"
#include "tests/core/config_support.hpp"
#include "tests/support/catch.hpp"

#include <arpa/inet.h>
#include <unistd.h>

#include <string>

using namespace duende;
using duende::test::faults;

TEST_CASE("addresses to listen on") {
  listen_address to;
  for (auto good :
       {"127.0.0.1:80", "0.0.0.0:65535", "localhost:8080", "tcp:10.0.0.1:1", "udp:0.0.0.0:53", "[::]:443",
        "udp:[::1]:53", "unix:/run/web.sock"}) {
    INFO(good);
    CHECK(parse_listen_address(good, to));
  }
  for (auto bad :
       {"", ":", "80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1",
        "web.example:80", "[::1:80", "::1:80", "[127.0.0.1]:80", "unix:", "unix:run/web.sock", "udp:unix:/run/x",
        "*:80", "127.0.0.1:80 "}) {
    INFO(bad);
    CHECK_FALSE(parse_listen_address(bad, to));
  }
  CHECK_FALSE(parse_listen_address("unix:/" + std::string(107, 'x'), to));
  CHECK(parse_listen_address("unix:/" + std::string(106, 'x'), to));
  CHECK_FALSE(parse_listen_address("[" + std::string(300, ':') + "]:1", to));
}

TEST_CASE("a bound socket is told from others") {
  listen_address here, other;
  REQUIRE(parse_listen_address("127.0.0.1:1", here));
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK_FALSE(is_bound_to(fd, here));
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&any), sizeof any) == 0);
  socklen_t size = sizeof any;
  getsockname(fd, reinterpret_cast<sockaddr*>(&any), &size);
  auto text = "127.0.0.1:" + std::to_string(ntohs(any.sin_port));
  REQUIRE(parse_listen_address(text, here));
  CHECK_FALSE(is_bound_to(fd, here)); // does not listen yet
  REQUIRE(listen(fd, 1) == 0);
  CHECK(is_bound_to(fd, here));
  REQUIRE(parse_listen_address("udp:" + text, other));
  CHECK_FALSE(is_bound_to(fd, other));
  CHECK_FALSE(is_bound_to(0, here));
  close(fd);
}

TEST_CASE("faults of sockets name their place") {
  const std::string head = "[[daemon]]\nname = \"a\"\nbinary_path = \"/bin/true\"\n";
  CHECK(faults(head + "[[daemon.socket]]\nlisten = \"127.0.0.1:80\"\nname = \"http\"\n").empty());
  CHECK(
    faults(head + "[[daemon.socket]]\nlisten = \"web:80\"\n")
    == "f.toml:5:10: 'socket.listen': 'web:80' is no address to listen on; write IP:PORT, [IPV6]:PORT, udp:IP:PORT or "
       "unix:/PATH (names are not looked up)");
  CHECK(faults(head + "[[daemon.socket]]\nname = \"x\"\n") == "f.toml:4:1: 'socket': a socket without 'listen'");
  CHECK(
    faults(head + "[[daemon.socket]]\nlisten = \"127.0.0.1:80\"\nlisen = 1\n")
    == "f.toml:6:1: unknown key 'socket.lisen'; did you mean 'listen'?");
  CHECK(faults(head + "socket = 5\n") == "f.toml:4:10: 'socket': expected an array of tables, found an integer");
  CHECK(faults(head + "socket = [5]\n") == "f.toml:4:11: 'socket': expected a table, found an integer");
  auto twice = head + "[[daemon.socket]]\nlisten = \"127.0.0.1:80\"\n";
  CHECK(
    faults(
      twice + "[[daemon]]\nname = \"b\"\nbinary_path = \"/bin/true\"\n[[daemon.socket]]\nlisten = \"127.0.0.1:80\"\n")
    == "f.toml:10:10: 'socket.listen': daemon 'a' listens on '127.0.0.1:80' already");
  CHECK(
    faults(head + "ready = { type = \"fd\" }\n[[daemon.socket]]\nlisten = \"127.0.0.1:80\"\n")
    == "f.toml:6:10: 'ready.number' = 3 is the number of one of its sockets; the first free one is 4");
}
