// A supervisor that throws: as in OTP its children end with it, then all begins again; none is left alone, none runs twice.
#include "tests/support/catch.hpp"
#include "tests/support/scripted_node.hpp"

#include <csignal>

using namespace duende;
using namespace duende::test;

namespace {

/// a, b and c under g, whose restarts wait a second: that is where timers_fail strikes.
stack delayed(strategy how) {
  auto s = three(how);
  for (std::size_t i = 0; i < s.daemons.size(); ++i)
    s.daemons.edit(i).restart.initial_delay = 1s;
  s.daemons.push_back(daemon_named("other"));
  return s;
}

void fail_at_crash(scripted_node& n, const std::string& daemon) {
  n.timers_fail = 1;
  n.crash(daemon);
}

} // namespace

TEST_CASE("a supervisor that throws ends its children and begins them again", "[supervisor]") {
  auto how = GENERATE(strategy::one_for_one, strategy::one_for_all, strategy::rest_for_one);
  scripted_node n{delayed(how)};
  all_ready(n);
  n.of["b"].ignores_stop = true;
  fail_at_crash(n, "a");
  CHECK(n.timers_fail == 0);
  CHECK(n.launches("a") == 1); // not before b has ended
  CHECK(n.launches("c") == 1);
  CHECK(n.alive("b"));
  n.advance(3s);
  all_ready(n);
  n.of["b"] = {};
  for (auto* name : {"a", "b", "c"}) {
    INFO(name);
    CHECK(n.state(name) == "running");
    CHECK(n.launches(name) == 2);
    CHECK(n.status(name).incarnation == 2);
  }
  CHECK(n.launches("other") == 1);
  CHECK_FALSE(n.doubled);
  CHECK(n.status("a").last->reason == exit_reason::code(1)); // the records live on
  auto told = n.events();
  CHECK_THAT(told, Contains("escalation supervisor 'g' threw an exception: no timer left: its children are stopped"));
  CHECK_THAT(told, Contains("stop b: ") && Contains("stop c: "));
  CHECK_THAT(told, Contains("exit g: ") && Contains("starting g: starting"));
  n.crash("c");
  n.advance(1s);
  all_ready(n);
  CHECK(n.state("c") == "running"); // it is supervised
  n.shutdown();
  CHECK(n.ended());
}

TEST_CASE("who waits for a command is answered when its supervisor throws", "[supervisor]") {
  scripted_node n{delayed(strategy::one_for_one)};
  all_ready(n);
  n.of["b"].ignores_stop = true;
  auto stopped = n.stop("b");
  auto restarted = n.restart("c");
  fail_at_crash(n, "a");
  CHECK(stopped->text() == "the supervisor 'g' threw an exception: no timer left");
  CHECK(restarted->count == 1);
  n.advance(3s);
  CHECK(n.state("b") == "stopped"); // what an operator stopped stays so
  CHECK(n.launches("b") == 1);
}

TEST_CASE("supervisors below one that throws keep their records", "[supervisor]") {
  stack s;
  s.supervisors = {
    {"outer", "root", strategy::one_for_one, {100, 60s}}, {"inner", "outer", strategy::one_for_one, {100, 60s}}};
  s.daemons = {daemon_named("deep", "inner"), daemon_named("flat", "outer")};
  s.daemons.edit(1).restart.initial_delay = 1s;
  scripted_node n{s};
  n.of["deep"].ignores_stop = true;
  fail_at_crash(n, "flat");
  CHECK(n.launches("deep") == 1);
  n.advance(3s);
  CHECK(n.state("deep") == "running");
  CHECK(n.state("flat") == "running");
  CHECK(n.launches("deep") == 2);
  CHECK(n.status("deep").incarnation == 2);
  CHECK_FALSE(n.doubled);
}

TEST_CASE("a root that throws is begun again by the node", "[supervisor]") {
  stack s;
  s.supervisors = {group("g", strategy::one_for_one)};
  s.daemons = {daemon_named("a"), daemon_named("b"), daemon_named("nested", "g")};
  s.daemons.edit(0).restart.initial_delay = 1s;
  scripted_node n{s};
  n.of["b"].ignores_stop = true;
  fail_at_crash(n, "a");
  CHECK_FALSE(n.ended());
  n.advance(3s);
  CHECK_FALSE(n.ended());
  for (auto* name : {"a", "b", "nested"}) {
    CHECK(n.state(name) == "running");
    CHECK(n.launches(name) == 2);
  }
  CHECK_FALSE(n.doubled);
  SECTION("but not for ever") {
    for (int i = 0; i < 10 && !n.ended(); ++i) {
      n.of.clear();
      fail_at_crash(n, "a");
    }
    CHECK(n.ended());
    CHECK_FALSE(n.alive("b"));
  }
  SECTION("and ends in order") {
    n.of.clear();
    n.shutdown();
    CHECK(n.ended());
  }
}

TEST_CASE("a supervisor that throws while the node stops leaves nobody behind", "[supervisor]") {
  scripted_node n{delayed(strategy::one_for_one)};
  all_ready(n);
  n.of["b"].ignores_stop = true;
  n.timers_fail = 1;
  auto asked = n.ask({verb::restart, "b", true, false});
  n.exit("a", exit_code(1));
  n.shutdown();
  CHECK_FALSE(n.ended());
  n.advance(6s);
  CHECK_FALSE(n.alive("b"));
  CHECK(n.ended());
  CHECK(asked->count == 1);
}

TEST_CASE("an incarnation that throws takes its process with it", "[supervisor]") {
  scripted_node n{one(daemon_named("d"))};
  n.timers_fail = 1;
  auto stopped = n.restart("d"); // its time-out can't be set
  CHECK_FALSE(n.doubled);
  n.advance(10s);
  CHECK(n.state("d") == "running");
  CHECK_FALSE(n.doubled);
}
