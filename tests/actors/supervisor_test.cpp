// Supervision of processes: policies, strategies, intensity, commands. In virtual time, on a platform that misbehaves on request.
#include "tests/support/catch.hpp"
#include "tests/support/scripted_node.hpp"

#include <algorithm>
#include <csignal>

using namespace duende;
using namespace duende::test;

TEST_CASE("restart policies decide what follows an end", "[supervisor]") {
  struct row {
    restart_policy policy;
    int status;
    const char* state;
    int launches;
  };
  const row rows[] = {
    {restart_policy::never(), exit_code(0), "stopped", 1},
    {restart_policy::never(), exit_code(1), "failed", 1},
    {restart_policy::on_failure(), exit_code(0), "stopped", 1},
    {restart_policy::on_failure(), exit_code(1), "running", 2},
    {restart_policy::on_failure(), SIGSEGV, "running", 2},
    {restart_policy::always(), exit_code(0), "running", 2},
    {restart_policy::unless_stopped(), exit_code(0), "running", 2},
    {restart_policy::max_retries(1), exit_code(1), "running", 2},
  };
  for (auto& row : rows) {
    INFO(to_string(row.policy.kind) << ", status " << row.status);
    scripted_node n{one(with_policy(daemon_named("d"), row.policy))};
    n.crash("d", row.status);
    CHECK(n.state("d") == row.state);
    CHECK(n.launches("d") == row.launches);
  }
}

TEST_CASE("retries that are used up fail the daemon until a person starts it", "[supervisor]") {
  scripted_node n{one(with_policy(daemon_named("d"), restart_policy::max_retries(2)))};
  n.crash("d");
  n.crash("d");
  n.advance(1min);
  n.crash("d");
  // the last run was long enough to begin anew; now three in a row
  n.advance(1s);
  n.crash("d");
  n.advance(1s);
  n.crash("d");
  CHECK(n.state("d") == "failed");
  CHECK(n.status("d").status_text == "2 retries used up: exited with code 1");
  CHECK_THAT(n.events(), Contains("andon d: waits for a person"));
  CHECK(n.start("d")->text() == "running");
  CHECK(n.state("d") == "running");
}

TEST_CASE("back-off grows, shows, and starts afresh after a long run", "[supervisor]") {
  auto policy = restart_policy::on_failure();
  policy.initial_delay = 100ms;
  policy.next_delay = 200ms;
  scripted_node n{one(with_policy(daemon_named("d"), policy))};
  for (auto delay : {100ms, 200ms, 400ms, 800ms}) {
    n.crash("d");
    CHECK(n.state("d") == "backoff");
    CHECK(n.status("d").next_restart_seconds.has_value());
    n.advance(delay - 1ms);
    CHECK(n.state("d") == "backoff");
    n.advance(1ms);
    CHECK(n.state("d") == "running");
  }
  n.advance(policy.reset_after);
  n.crash("d");
  n.advance(100ms);
  CHECK(n.state("d") == "running");
  CHECK(n.status("d").restarts == 5);
}

TEST_CASE("a start that fails is answered with the reason", "[supervisor]") {
  auto spec = with_policy(daemon_named("d"), restart_policy::max_retries(3));
  spec.autostart = false;
  scripted_node n{one(spec)};
  n.of["d"].fails = "cannot execute '/bin/d': Permission denied";
  CHECK(n.start("d")->text() == "cannot start 'd': cannot execute '/bin/d': Permission denied");
  n.advance(1min);
  CHECK(n.state("d") == "failed");
  CHECK(n.launches("d") == 4);
  n.of["d"].fails.clear();
  CHECK(n.start("d")->text() == "running");
}

TEST_CASE("a daemon that is not ready in time has failed to start", "[supervisor]") {
  auto spec = with_policy(notifying("d"), restart_policy::never());
  spec.autostart = false;
  scripted_node n{one(spec)};
  n.of["d"].ignores_stop = true;
  auto started = n.start("d");
  n.advance(4s);
  CHECK(started->text() == "waits");
  n.advance(4s);
  CHECK(started->text() == "cannot start 'd': timed out: not ready within 5s");
  CHECK(n.state("d") == "failed");
}

TEST_CASE("one_for_one leaves the others alone", "[supervisor]") {
  scripted_node n{three(strategy::one_for_one)};
  CHECK(n.done() == "launch a, launch b, launch c");
  all_ready(n);
  n.crash("b");
  CHECK(n.done() == "launch b");
}

TEST_CASE("one_for_all and rest_for_one start in order, stop in reverse", "[supervisor]") {
  auto how = GENERATE(strategy::one_for_all, strategy::rest_for_one);
  bool all = how == strategy::one_for_all;
  scripted_node n{three(how)};
  CHECK(n.done() == "launch a");
  n.ready("a");
  CHECK(n.done() == "launch b");
  n.ready("b");
  n.ready("c");
  n.done();
  SECTION("a crash in the middle") {
    n.of["a"].ignores_stop = n.of["c"].ignores_stop = true;
    n.crash("b");
    CHECK(n.done() == "TERM c");
    n.advance(3s);
    CHECK(n.done() == (all ? "KILL c, TERM a" : "KILL c, launch b"));
    if (all) {
      n.advance(3s);
      CHECK(n.done() == "KILL a, launch a");
      n.ready("a");
      CHECK(n.done() == "launch b");
    }
    n.ready("b");
    CHECK(n.done() == "launch c");
    n.ready("c");
    CHECK(n.state("c") == "running");
  }
  SECTION("a child that an operator stopped stays down") {
    n.stop("c");
    n.done();
    n.crash("a");
    n.ready("a");
    n.ready("b");
    CHECK(n.state("c") == "stopped");
    CHECK(n.launches("c") == 0);
  }
  SECTION("a second crash while the group restarts") {
    n.of["c"].ignores_stop = true;
    n.crash("b");
    if (all)
      n.crash("a");
    n.advance(3s);
    n.ready("a");
    n.ready("b");
    n.ready("c");
    CHECK(n.state("a") == "running");
    CHECK(n.state("b") == "running");
    CHECK(n.state("c") == "running");
    CHECK_FALSE(n.doubled);
  }
  SECTION("commands while the group restarts are answered once") {
    n.of["c"].ignores_stop = true;
    n.crash("b");
    auto restarted = n.restart("c");
    auto stopped = n.stop("a");
    n.advance(3s);
    for (int i = 0; i < 2; ++i)
      for (auto* name : {"a", "b", "c"})
        if (n.alive(name))
          n.ready(name);
    CHECK(restarted->text() == "running");
    CHECK(stopped->count == 1);
    CHECK(n.state("a") == "stopped");
    CHECK(n.state("b") == "running");
    CHECK_FALSE(n.doubled);
    n.done();
    n.stop("c");
    n.advance(3s);
    CHECK(n.state("c") == "stopped");
  }
}

TEST_CASE("successors do not wait for one that is wanted no more", "[supervisor]") {
  scripted_node n{three(strategy::rest_for_one)};
  n.done();
  SECTION("stopped") { n.stop("a"); }
  SECTION("removed") { n.remove("a"); }
  SECTION("stopped in back-off") {
    n.of["a"].fails = "no";
    n.crash("a");
    n.stop("a");
    n.advance(1s);
  }
  CHECK(n.launches("b") == 1);
}
