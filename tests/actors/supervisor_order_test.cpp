// Who waits for whom: dependencies at the start, their reverse at the end, within and across supervisors.
#include "tests/support/catch.hpp"
#include "tests/support/scripted_node.hpp"

using namespace duende;
using namespace duende::test;

namespace {

stack dependent(milestone until, bool elsewhere) {
  stack s;
  s.supervisors = {{"g", "root", strategy::one_for_one, {100, 60s}}};
  s.daemons = {notifying("db", elsewhere ? "g" : "root"), daemon_named("web")};
  s.daemons.edit(1).depends_on = {{"db", until}};
  return s;
}

} // namespace

TEST_CASE("dependencies hold a start back until started, ready or completed", "[supervisor]") {
  bool elsewhere = GENERATE(false, true);
  INFO("under another supervisor: " << elsewhere);
  SECTION("started") {
    scripted_node n{dependent(milestone::started, elsewhere)};
    CHECK(n.state("web") == "running");
  }
  SECTION("ready") {
    scripted_node n{dependent(milestone::ready, elsewhere)};
    CHECK(n.state("web") == "created");
    CHECK(n.status("web").status_text == "waits for 'db' to be ready");
    n.ready("db");
    CHECK(n.state("web") == "running");
  }
  SECTION("completed") {
    scripted_node n{dependent(milestone::completed, elsewhere)};
    n.ready("db");
    CHECK(n.status("web").status_text == "waits for 'db' to complete");
    n.crash("db", exit_code(1));
    n.ready("db");
    CHECK(n.state("web") == "created");
    n.crash("db", exit_code(0));
    CHECK(n.state("web") == "running");
    CHECK(n.state("db") == "stopped");
  }
}

TEST_CASE("a dependency that recovers lets go those that wait", "[supervisor]") {
  bool elsewhere = GENERATE(false, true);
  auto s = dependent(milestone::ready, elsewhere);
  scripted_node n{s};
  n.ready("db");
  REQUIRE(n.state("web") == "running");
  n.crash("db");
  CHECK(n.state("web") == "running"); // it is not torn down with it
  n.crash("web");
  CHECK(n.state("web") == "created"); // but does not start without it
  n.ready("db");
  CHECK(n.state("web") == "running");
}

TEST_CASE("a start by hand waits for dependencies, too", "[supervisor]") {
  auto s = dependent(milestone::ready, true);
  s.daemons.edit(1).autostart = false;
  scripted_node n{s};
  auto started = n.start("web");
  CHECK(started->text() == "waits");
  CHECK(n.stop("web")->text() == "created");
  CHECK(started->text() == "'web' was stopped meanwhile");
  n.ready("db");
  CHECK(n.launches("web") == 0);
}

TEST_CASE("at shutdown those who are needed stop last", "[supervisor]") {
  stack s;
  s.supervisors = {{"g", "root", strategy::one_for_one, {100, 60s}}, {"h", "root", strategy::one_for_all, {100, 60s}}};
  s.daemons = {daemon_named("db", "g"), daemon_named("cache", "h"), daemon_named("app", "h"), daemon_named("web")};
  s.daemons.edit(2).depends_on = {{"db", milestone::ready}};
  s.daemons.edit(3).depends_on = {{"app", milestone::ready}};
  scripted_node n{s};
  REQUIRE(n.state("web") == "running");
  n.of["web"].ignores_stop = n.of["app"].ignores_stop = true;
  n.done();
  n.shutdown();
  CHECK(n.done() == "TERM web");
  n.advance(3s);
  CHECK(n.done() == "KILL web, TERM app");
  n.advance(3s);
  auto rest = n.done();
  CHECK_THAT(rest, Contains("KILL app"));
  CHECK_THAT(rest, Contains("TERM db"));
  CHECK_THAT(rest, Contains("TERM cache"));
  CHECK(n.ended());
}

TEST_CASE("shutdown does not start what waited or backed off", "[supervisor]") {
  stack s;
  s.daemons = {daemon_named("a"), daemon_named("b")};
  s.daemons.edit(0).restart.initial_delay = 1s;
  scripted_node n{s};
  n.of["b"].ignores_stop = true;
  n.crash("a");
  n.shutdown();
  n.advance(2s);
  CHECK(n.launches("a") == 1);
  CHECK(n.start("a")->text() == "cannot start 'a': the node stops");
  CHECK_FALSE(n.ended());
  n.advance(1s);
  CHECK(n.ended());
}

TEST_CASE("nested supervisors start in order and end with their parent", "[supervisor]") {
  stack s;
  s.supervisors = {
    {"outer", "root", strategy::rest_for_one, {0, 60s}}, {"inner", "outer", strategy::one_for_one, {0, 60s}}};
  s.daemons = {notifying("a", "inner"), notifying("b", "outer")};
  scripted_node n{s};
  CHECK(n.done() == "launch a");
  n.ready("a");
  CHECK(n.done() == "launch b");
  n.ready("b");
  n.crash("a"); // inner gives up, then outer, whose intensity is spent by that; the root begins outer again
  n.ready("a");
  n.ready("b");
  CHECK(n.state("a") == "running");
  CHECK(n.state("b") == "running");
  CHECK_FALSE(n.doubled);
  n.shutdown();
  CHECK(n.ended());
}
