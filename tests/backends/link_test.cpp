// The node's end of the protocol against a keeper that the test plays.
#include "backends/native/link.hpp"
#include "core/reactor.hpp"
#include "tests/support/played_keeper.hpp"

#include <cerrno>
#include <future>

using namespace duende;
using namespace duende::test;

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
  CHECK(sentence(link.error()) == "the keeper speaks version 10, this node 4");
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
