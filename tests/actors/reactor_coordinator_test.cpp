#include "actors/reactor_coordinator.hpp"

#include "tests/support/catch.hpp"

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <future>
#include <optional>

using namespace duende;
using namespace std::chrono_literals;

namespace {

/// Counts to `limit` by messages to itself, so that it gives the thread back many times on the way.
caf::behavior counting(caf::event_based_actor* self, reactor* io, int limit, std::promise<bool>* done) {
  return {[=](int count) {
    if (count == limit) {
      done->set_value(io->on_reactor_thread());
      self->quit();
    } else {
      self->send(self, count + 1);
    }
  }};
}

struct on_reactor {
  reactor io;
  caf::actor_system_config config;
  std::optional<caf::actor_system> system;

  on_reactor() {
    use_reactor(config, io);
    system.emplace(config);
  }
};

} // namespace

TEST_CASE("actors run on the reactor's thread, and leave room for its own work") {
  on_reactor at;
  std::promise<bool> done;
  auto inside = done.get_future();
  auto runner = at.system->spawn(counting, &at.io, 100'000, &done);
  caf::anon_send(runner, 0);
  for (int i = 0; i < 10; ++i) { // beside an actor that never pauses
    std::promise<void> ran;
    at.io.post([&] { ran.set_value(); });
    REQUIRE(ran.get_future().wait_for(10s) == std::future_status::ready);
  }
  REQUIRE(inside.wait_for(60s) == std::future_status::ready);
  CHECK(inside.get());
}

TEST_CASE("timeouts of requests come on the reactor, too") {
  on_reactor at;
  auto mute = at.system->spawn([](caf::event_based_actor*) -> caf::behavior {
    return {[](int) -> caf::result<int> { return caf::delegated<int>{}; }};
  });
  std::promise<caf::error> told;
  at.system->spawn([&](caf::event_based_actor* self) {
    self->request(mute, 20ms, 1).then([](int) {}, [&](caf::error& why) { told.set_value(why); });
  });
  auto why = told.get_future();
  REQUIRE(why.wait_for(10s) == std::future_status::ready);
  CHECK(why.get() == caf::sec::request_timeout);
  caf::anon_send_exit(mute, caf::exit_reason::user_shutdown);
}

TEST_CASE("a system ends while its reactor goes on") {
  reactor io;
  auto ended = std::async(std::launch::async, [&] { // made and ended by one thread: CAF wants it so
    caf::actor_system_config config;
    use_reactor(config, io);
    caf::actor_system system{config};
    auto idle = system.spawn([](caf::event_based_actor* self) -> caf::behavior {
      self->spawn([](caf::event_based_actor*) {}); // ends at once
      return {[](int) {}};
    });
    caf::anon_send_exit(idle, caf::exit_reason::user_shutdown);
  });
  REQUIRE(ended.wait_for(20s) == std::future_status::ready);
  std::promise<void> ran;
  io.post([&] { ran.set_value(); });
  CHECK(ran.get_future().wait_for(10s) == std::future_status::ready);
}
