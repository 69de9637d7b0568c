// Descriptors that a child leaves to its next life.
#include "tests/backends/keeper_fixture.hpp"

#include <sys/mman.h>
#include <sys/socket.h>

using namespace duende;
using namespace duende::test;

namespace {

/// A child that tells which descriptors it got, and what is in the first one.
launch_request teller(uuid id, std::uint32_t incarnation) {
  return shell(
    "echo ${LISTEN_FDS:-0} ${LISTEN_FDNAMES:-none}; [ -z \"$LISTEN_FDS\" ] || cat <&3; exit 0", id, incarnation);
}

int memory_with(const std::string& text) {
  int fd = memfd_create("test", MFD_CLOEXEC);
  REQUIRE(write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  lseek(fd, 0, SEEK_SET);
  return fd;
}

} // namespace

TEST_CASE("what is stored is the next life's, after its sockets") {
  kept k;
  auto id = uuid::random();
  k.run(teller(id, 1));
  CHECK(k.output(id) == "0 none\n");
  int file = memory_with("kept\n");
  for (int i = 0; i < 3; ++i) // once, however often it comes
    k.link->store_fd(id, "memory", true, 2, dup(file));
  close(file);
  k.run(teller(id, 2));
  CHECK(k.output(id, 14) == "1 memory\nkept\n");
  k.link->store_fd(id, "more", true, 2, memory_with(""));
  auto request = teller(id, 3);
  request.argv[2] = "echo $LISTEN_FDS $LISTEN_FDNAMES";
  request.sockets = {{"unix:" + k.state.path + "/http.sock", "http"}};
  k.run(request);
  CHECK(k.output(id) == "3 http:memory:more\n");
  k.link->drop_fds(id, "memory");
  request.incarnation = 4;
  k.run(request);
  CHECK(k.output(id) == "2 http:more\n");
  k.link->drop_fds(id, {});
  k.run(teller(id, 5));
  CHECK(k.output(id) == "0 none\n");
  k.link->forget(id);
}

TEST_CASE("a full store, an unknown child and a bad name are refused") {
  kept k;
  auto id = uuid::random();
  k.run(teller(id, 1));
  CHECK(k.output(id) == "0 none\n");
  k.link->store_fd(id, "a", true, 1, memory_with("a"));
  k.link->store_fd(id, "b", true, 1, memory_with("b"));
  k.link->store_fd(uuid::random(), "c", true, 1, memory_with("c"));
  k.link->store_fd(id, "with:colon", true, 9, memory_with("d"));
  k.link->store_fd(id, "none", true, 9, -1);
  k.run(teller(id, 2));
  CHECK(k.output(id, 4) == "1 a\na");
}

TEST_CASE("a hang-up lets go of what is polled") {
  kept k;
  auto id = uuid::random();
  k.run(teller(id, 1));
  CHECK(k.output(id) == "0 none\n");
  int polled[2], held[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, polled) == 0);
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, held) == 0);
  k.link->store_fd(id, "polled", true, 9, polled[0]);
  k.link->store_fd(id, "held", false, 9, held[0]);
  auto request = teller(id, 2);
  request.argv[2] = "echo $LISTEN_FDNAMES";
  k.run(request);
  CHECK(k.output(id) == "polled:held\n");
  close(polled[1]);
  close(held[1]);
  std::string names = "polled:held\n";
  for (std::uint32_t i = 3; names != "held\n" && i < 100; ++i) { // the keeper tells nobody
    request.incarnation = i;
    k.run(request);
    names = k.output(id);
  }
  CHECK(names == "held\n");
}
