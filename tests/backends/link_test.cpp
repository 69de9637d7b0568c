// The node's end of the protocol against a keeper that the test plays.
#include "backends/native/link.hpp"
#include "backends/native/protocol.hpp"
#include "core/reactor.hpp"
#include "tests/support/catch.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <string>

using namespace duende;

namespace {

/// The keeper's end of a socket pair.
struct played_keeper {
  played_keeper() {
    int pair[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    theirs = pair[0];
    own = pair[1];
  }
  ~played_keeper() { close(own); }
  template <class Message>
  void say(const Message& message, int version = protocol::version) {
    std::string packet;
    encode(packet, message);
    packet[3] = static_cast<char>(version);
    CHECK(send(own, packet.data(), packet.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(packet.size()));
  }
  /// What the node asks next; nothing where it does not within `ms`.
  protocol::kind next(int ms = 10'000) {
    pollfd one{own, POLLIN, 0};
    char packet[4096];
    protocol::header head;
    if (poll(&one, 1, ms) != 1)
      return {};
    auto size = recv(own, packet, sizeof packet, 0);
    REQUIRE(size > 0);
    REQUIRE(protocol::read_header({packet, static_cast<std::size_t>(size)}, head));
    return head.kind;
  }
  int theirs = -1, own = -1;
};

} // namespace

TEST_CASE("a keeper of another version is named at once") {
  reactor io;
  played_keeper keeper;
  bool refuses = GENERATE(true, false);
  if (refuses)
    keeper.say(
      protocol::refused{protocol::kind::hello, protocol::refusal::other_version, {}, 0, 9}, protocol::version + 6);
  else
    keeper.say(protocol::welcome{}, protocol::version + 6);
  auto began = monotonic_now();
  auto link = keeper_link::connect(io, keeper.theirs, {});
  REQUIRE(!link);
  CHECK(sentence(link.error()) == "the keeper speaks version 9, this node 3");
  CHECK(monotonic_now() - began < std::chrono::seconds{5});
}

TEST_CASE("two upgrades at once each get their own answer") {
  reactor io;
  played_keeper keeper;
  keeper.say(protocol::welcome{});
  keeper.say(protocol::list_end{});
  auto link = keeper_link::connect(io, keeper.theirs, {});
  REQUIRE(link);
  (*link)->start();
  CHECK(keeper.next() == protocol::kind::hello);
  CHECK(keeper.next() == protocol::kind::list);
  auto ask = [&] {
    return std::async(std::launch::async, [&] { return bool{(*link)->upgrade(std::chrono::seconds{1})}; });
  };
  auto first = ask(), second = ask();
  CHECK(keeper.next() == protocol::kind::upgrade);
  CHECK(keeper.next(200) == protocol::kind{}); // the other one waits for its turn
  keeper.say(protocol::pong{});
  CHECK(keeper.next() == protocol::kind::upgrade);
  keeper.say(protocol::refused{protocol::kind::upgrade, protocol::refusal::system, {}, 0, ENOENT});
  CHECK(first.get() + second.get() == 1);
}
