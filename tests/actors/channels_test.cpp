// What a daemon says on its side channels, and what the keeper is told of it.
#include "actors/channels.hpp"
#include "actors/life_record.hpp"
#include "core/reactor.hpp"
#include "tests/support/played_keeper.hpp"

using namespace duende;
using namespace duende::test;

namespace {

struct notifying_daemon {
  notifying_daemon() {
    keeper.say(protocol::welcome{});
    keeper.say(protocol::list_end{});
    auto made = keeper_link::connect(io, keeper.theirs, {});
    REQUIRE(made);
    std::shared_ptr<keeper_link> link = std::move(*made);
    link->start();
    side.use(link);
    CHECK(keeper.next() == protocol::kind::hello);
    CHECK(keeper.next() == protocol::kind::list);
    int pair[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
    own = pair[1];
    side.arrived({id, -1, -1, pair[0], -1});
    record.name = "d";
  }
  ~notifying_daemon() {
    side.drop(id);
    side.use(nullptr);
    close(own);
  }
  void listen(readiness_type type) { side.listen(id, 1, to_text(record), {}, type); }
  void say_ready() { CHECK(send(own, "READY=1", 7, 0) == 7); }
  /// The record that the keeper is told next; none where nothing is said.
  std::optional<life_record> told(int ms = 10'000) {
    protocol::set_record message;
    if (keeper.next(ms) != protocol::kind::set_record || !decode(keeper.packet, message))
      return std::nullopt;
    return parse_life_record(message.record);
  }
  bool silent() { return !told(200); }

  reactor io;
  played_keeper keeper;
  channels side{io};
  uuid id = uuid::random();
  life_record record;
  int own = -1;
};

} // namespace

TEST_CASE("readiness reaches the keeper once, with what it holds by then") {
  notifying_daemon d;
  d.listen(readiness_type::notify);
  SECTION("from the start") {
    d.say_ready();
    auto first = d.told();
    REQUIRE(first);
    CHECK(first->ready);
    CHECK(first->wanted == intent::run);
    SECTION("and again, when its hooks are through and its stop is asked for") {
      first->post_started = true;
      first->wanted = intent::stop;
      auto text = to_text(*first);
      d.side.replace(d.id, 1, text);
      d.say_ready();
      CHECK(d.silent());
    }
  }
  SECTION("after its stop was asked for") {
    d.record.wanted = intent::stop;
    auto text = to_text(d.record);
    d.side.replace(d.id, 1, text);
    d.say_ready();
    auto told = d.told();
    REQUIRE(told);
    CHECK(told->ready);
    CHECK(told->wanted == intent::stop);
    auto later = to_text(d.record); // by somebody who does not know yet
    d.side.replace(d.id, 1, later);
    CHECK(parse_life_record(later)->ready);
    auto of_another = to_text(d.record);
    d.side.replace(d.id, 2, of_another);
    CHECK(!parse_life_record(of_another)->ready);
  }
}

TEST_CASE("READY=1 says nothing where another condition makes a daemon ready") {
  notifying_daemon d;
  d.listen(readiness_type::tcp); // it has a socket for its watchdog
  d.say_ready();
  CHECK(d.silent());
}
