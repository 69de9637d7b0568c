// Commands to a supervisor while something else goes on: each is answered once, by what became of it.
#include "tests/support/catch.hpp"
#include "tests/support/scripted_node.hpp"

#include <csignal>

using namespace duende;
using namespace duende::test;

TEST_CASE("commands during back-off", "[supervisor]") {
  auto policy = restart_policy::on_failure();
  policy.initial_delay = 10s;
  scripted_node n{one(with_policy(daemon_named("d"), policy))};
  n.crash("d");
  REQUIRE(n.state("d") == "backoff");
  SECTION("stop ends it") {
    CHECK(n.stop("d")->text() == "stopped");
    n.advance(1min);
    CHECK(n.state("d") == "stopped");
    CHECK(n.launches("d") == 1);
  }
  SECTION("start does not wait") {
    CHECK(n.start("d")->text() == "running");
    n.advance(1min);
    CHECK(n.launches("d") == 2);
  }
  SECTION("restart does not wait") {
    CHECK(n.restart("d")->text() == "running");
    n.advance(1min);
    CHECK(n.launches("d") == 2);
  }
  SECTION("pause is refused") { CHECK(n.act(verb::pause, "d")->text() == "cannot pause 'd': it is backoff"); }
  SECTION("removal forgets it") {
    CHECK(n.remove("d")->ok());
    n.advance(1min);
    CHECK(n.launches("d") == 1);
    CHECK(n.start("d")->text() == "no daemon named 'd'");
  }
}

TEST_CASE("start during stop begins again after it, both are answered", "[supervisor]") {
  scripted_node n{one(daemon_named("d"))};
  n.of["d"].ignores_stop = true;
  auto stopped = n.stop("d");
  auto started = n.start("d");
  CHECK(stopped->text() == "waits");
  CHECK(started->text() == "waits");
  CHECK(n.state("d") == "stopping");
  n.advance(3s);
  CHECK(n.state("d") == "running");
  CHECK(stopped->count == 1);
  CHECK(started->text() == "running");
  CHECK(n.launches("d") == 2);
  SECTION("and the wish for a restart is used up") {
    auto later = n.stop("d");
    n.advance(1min);
    CHECK(later->text() == "stopped");
    CHECK(n.launches("d") == 2);
  }
}

TEST_CASE("start during stop of an in-process actor begins again after it", "[supervisor]") {
  scripted_node n{one(daemon_named("d"))};
  int began = 0;
  REQUIRE(n.add_actor(
             "ticker",
             [&](caf::event_based_actor*) -> caf::behavior {
               ++began;
               return {[](int) {}};
             })
            ->ok());
  REQUIRE(began == 1);
  auto stopped = n.ask({verb::stop, "ticker", true, false});
  auto started = n.ask({verb::start, "ticker", true, false});
  n.run();
  CHECK(stopped->count == 1);
  CHECK(started->text() == "running");
  CHECK(n.state("ticker") == "running");
  CHECK(began == 2);
  CHECK(n.start("ticker")->text() == "cannot start 'ticker': it is already running");
  CHECK(n.stop("ticker")->text() == "stopped");
  CHECK(n.status("ticker").last->reason == exit_reason::graceful());
  CHECK(n.start("ticker")->text() == "running");
  CHECK(began == 3);
}

TEST_CASE("stop during start cancels the start", "[supervisor]") {
  auto spec = notifying("d");
  spec.autostart = false;
  scripted_node n{one(spec)};
  SECTION("while it is not ready") {
    auto started = n.start("d");
    CHECK(n.stop("d")->text() == "stopped");
    CHECK(started->text() == "'d' was stopped meanwhile");
  }
  SECTION("while the platform has not launched it") {
    n.of["d"].launches_late = true;
    auto started = n.start("d");
    auto stopped = n.stop("d");
    CHECK(stopped->text() == "waits");
    n.launch_now("d");
    n.run();
    CHECK(stopped->text() == "stopped");
    CHECK(started->text() == "'d' was stopped meanwhile");
  }
  SECTION("readiness that comes during the stop changes nothing") {
    n.of["d"].ignores_stop = true;
    auto started = n.start("d");
    auto stopped = n.stop("d");
    n.ready("d");
    CHECK(n.state("d") == "stopping");
    n.advance(3s);
    CHECK(stopped->text() == "stopped");
    CHECK(started->count == 1);
  }
}

TEST_CASE("concurrent restarts join: one outcome each, one launch", "[supervisor]") {
  scripted_node n{one(notifying("d"))};
  n.ready("d");
  n.done();
  std::vector<answer_ptr> all;
  for (int i = 0; i < 20; ++i)
    all.push_back(n.ask({verb::restart, "d", true, false}));
  n.run();
  n.ready("d");
  for (auto& each : all)
    CHECK(each->text() == "running");
  CHECK(n.launches("d") == 1);
  CHECK_FALSE(n.doubled);
  SECTION("a restart of a start under way is a restart") {
    auto first = n.restart("d");
    auto second = n.restart("d");
    n.ready("d");
    CHECK(first->text() == "running");
    CHECK(second->text() == "running");
  }
}

TEST_CASE("a crash at the moment of a command is one end", "[supervisor]") {
  for (int steps = 0; steps < 12; ++steps) {
    INFO("the process ends " << steps << " steps after the command was given");
    scripted_node n{one(with_policy(daemon_named("d"), restart_policy::always()))};
    for (auto what : {verb::restart, verb::stop, verb::start, verb::pause}) {
      n.of["d"].deaf = true; // its end is the crash, not the signal
      auto asked = n.ask({what, "d", true, false});
      n.run(steps);
      n.exit("d", SIGSEGV);
      n.of["d"].deaf = false;
      n.run();
      n.advance(10s);
      CHECK(asked->count == 1);
      CHECK(n.state("d") == (what == verb::stop ? "stopped" : "running"));
      CHECK_FALSE(n.doubled);
    }
  }
}

TEST_CASE("pause and resume are answered by what happened", "[supervisor]") {
  scripted_node n{one(daemon_named("d"))};
  CHECK(n.act(verb::resume, "d")->text() == "cannot resume 'd': it is running");
  CHECK(n.act(verb::pause, "d")->text() == "paused");
  CHECK(n.act(verb::pause, "d")->text() == "paused");
  CHECK(n.act(verb::resume, "d")->text() == "running");
  SECTION("also where somebody else stops it") {
    n.set_stopped("d", true);
    n.run();
    CHECK(n.state("d") == "paused");
    CHECK(n.stop("d")->text() == "stopped");
  }
  SECTION("a paused daemon restarts") {
    n.act(verb::pause, "d");
    CHECK(n.restart("d")->text() == "running");
    CHECK(n.launches("d") == 2);
  }
  SECTION("a pause that a stop overtakes is answered, too") {
    auto paused = n.ask({verb::pause, "d", true, false});
    auto stopped = n.ask({verb::stop, "d", true, false});
    n.run();
    CHECK(paused->count == 1);
    CHECK(stopped->text() == "stopped");
  }
}

TEST_CASE("refusals name the action and the state", "[supervisor]") {
  scripted_node n{one(daemon_named("database"))};
  CHECK(n.start("database")->text() == "cannot start 'database': it is already running");
  CHECK(n.start("databse")->text() == "no daemon named 'databse'; did you mean 'database'?");
  CHECK(n.stop("database")->text() == "stopped");
  CHECK(n.act(verb::reload, "database")->text() == "cannot reload 'database': it is stopped");
  CHECK(n.stop("database")->text() == "stopped");
}

TEST_CASE("removal while running stops, forgets and frees the name", "[supervisor]") {
  scripted_node n{one(daemon_named("d"))};
  n.of["d"].ignores_stop = true;
  auto removed = n.remove("d");
  CHECK(removed->text() == "waits");
  CHECK(n.start("d")->text() == "no daemon named 'd'");
  n.advance(3s);
  CHECK(removed->text() == "stopped");
  CHECK_THAT(n.done(), Contains("forget d"));
  n.of["d"] = {};
  CHECK(n.add(daemon_named("d"))->ok());
  CHECK(n.state("d") == "running");
  CHECK(n.status("d").incarnation == 1);
}

TEST_CASE("removal fails those who wait for a start", "[supervisor]") {
  scripted_node n{one(notifying("d"))};
  auto restarted = n.restart("d");
  auto removed = n.remove("d");
  CHECK(restarted->text() == "'d' was removed meanwhile");
  CHECK(removed->text() == "stopped");
}

TEST_CASE("adding refuses what can't be", "[supervisor]") {
  scripted_node n{one(daemon_named("d"))};
  CHECK(n.add(daemon_named("d"))->text() == "there is a daemon named 'd' already");
  CHECK(n.add(daemon_named("e", "nowhere"))->text() == "'e' names supervisor 'nowhere', which does not exist");
  auto spec = daemon_named("e");
  spec.depends_on = {{"missing", milestone::ready}};
  CHECK(n.add(spec)->text() == "'e' depends on 'missing', which does not exist");
  spec.depends_on = {{"d", milestone::ready}};
  CHECK(n.add(spec)->ok());
  CHECK(n.state("e") == "running");
  CHECK(n.remove("d")->text() == "cannot remove 'd': 'e' depends on it");
}

TEST_CASE("apply touches only what changed", "[supervisor]") {
  stack s;
  s.daemons = {daemon_named("a"), daemon_named("b"), daemon_named("c")};
  scripted_node n{s};
  n.done();
  auto wanted = s;
  wanted.daemons.edit(0).args = {"new"};       // restarts
  wanted.daemons.edit(1).description = "text"; // does not
  wanted.daemons.edit(2) = daemon_named("e");  // c goes, e comes
  CHECK(*n.apply(wanted) == "applied");
  CHECK(n.launches("a") == 1);
  CHECK(n.launches("b") == 0);
  CHECK(n.status("b").description == "text");
  CHECK(n.state("e") == "running");
  CHECK_FALSE(n.alive("c"));
  CHECK(n.state("a") == "running");
}

TEST_CASE("what waits when the node stops is answered", "[supervisor]") {
  stack s;
  s.daemons = {notifying("d"), daemon_named("e")};
  s.daemons.edit(1).depends_on = {{"d", milestone::ready}};
  scripted_node n{s};
  auto restarted = n.restart("d");
  auto started = n.restart("e");
  n.shutdown();
  CHECK(n.ended());
  CHECK_THAT(restarted->text(), Contains("its supervisor 'root' stops"));
  CHECK_THAT(started->text(), Contains("its supervisor 'root' stops"));
}

TEST_CASE("what a daemon leaves to its next life is let go when it is down to stay, and only then", "[supervisor]") {
  auto spec = with_policy(daemon_named("d"), restart_policy::max_retries(1));
  spec.fd_store_max = 1;
  scripted_node n{one(spec)};
  n.run();
  n.done();
  n.restart("d");
  CHECK_THAT(n.done(), !Contains("let go"));
  n.stop("d");
  CHECK_THAT(n.done(), Contains("let go d"));
  n.start("d");
  n.crash("d");
  n.advance(1s);
  CHECK_THAT(n.done(), !Contains("let go"));
  n.crash("d");
  CHECK(n.state("d") == "failed");
  CHECK_THAT(n.done(), Contains("let go d"));
}
