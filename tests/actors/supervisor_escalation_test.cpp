// Intensity: a supervisor that gives up, its parent that begins it again, and the root that never ends.
#include "tests/support/catch.hpp"
#include "tests/support/scripted_node.hpp"

#include <algorithm>

using namespace duende;
using namespace duende::test;

TEST_CASE("a supervisor whose intensity is exceeded ends and begins again", "[supervisor]") {
  auto how = GENERATE(strategy::one_for_one, strategy::one_for_all);
  auto s = three(how, {2, 60s});
  s.daemons.push_back(daemon_named("other"));
  scripted_node n{s};
  all_ready(n);
  for (int i = 0; i < 2; ++i) {
    n.crash("a");
    n.advance(1s);
    all_ready(n);
  }
  REQUIRE(n.state("a") == "running");
  n.crash("a");
  all_ready(n);
  CHECK_THAT(n.events(), Contains("escalation supervisor 'g' gives up: 2 restarts in 1m, the limit is 2 in 1m"));
  for (auto* name : {"a", "b", "c", "other"})
    CHECK(n.state(name) == "running");
  CHECK(n.launches("other") == 1);
  CHECK(n.status("a").restarts >= 2); // the records live on
  CHECK(n.status("a").last->reason == exit_reason::code(1));
  auto all = n.snapshot();
  REQUIRE(all.supervisors.size() == 2);
  CHECK(all.supervisors[1].escalations == 1);
  CHECK_FALSE(n.doubled);
}

TEST_CASE("a supervisor that gives up too often is failed by the root, the node stays", "[supervisor]") {
  stack s;
  s.supervisors = {group("g", strategy::one_for_one, {0, 60s})};
  s.daemons = {daemon_named("a", "g"), daemon_named("other")};
  scripted_node n{s};
  for (int i = 0; i < 50 && n.alive("a"); ++i) {
    n.crash("a");
    n.advance(1min);
  }
  auto all = n.snapshot();
  CHECK(all.supervisors[1].state == daemon_state::failed);
  CHECK(n.state("other") == "running");
  CHECK_FALSE(n.ended());
  CHECK_THAT(n.start("a")->text(), Contains("supervisor 'g'"));
  auto shown = std::find_if(all.daemons.begin(), all.daemons.end(), [](auto& d) { return d.name == "a"; });
  REQUIRE(shown != all.daemons.end());
  CHECK(shown->state == daemon_state::failed);
  n.start("g");
  CHECK(n.state("a") == "running");
}

TEST_CASE("below a supervisor that gave up the configuration is mended before it starts again", "[supervisor]") {
  stack s;
  s.supervisors = {group("g", strategy::one_for_one, {0, 60s}), {"h", "g", strategy::one_for_one, {5, 60s}}};
  s.daemons = {daemon_named("a", "g"), daemon_named("b", "g"), daemon_named("below", "h"), daemon_named("other")};
  scripted_node n{s};
  for (int i = 0; i < 50 && n.alive("a"); ++i) {
    n.crash("a");
    n.advance(1min);
  }
  REQUIRE_FALSE(n.alive("below"));
  auto wanted = s;
  wanted.supervisors[0].intensity = {7, 60s};
  wanted.daemons.edit(0).args = {"mended"};
  wanted.daemons.edit(1) = daemon_named("new", "g"); // b goes, new comes
  wanted.daemons.edit(2).description = "mended, too";
  wanted.daemons.push_back(daemon_named("deep", "h"));
  CHECK(*n.apply(wanted) == "applied");
  CHECK(n.state("a") == "failed");
  CHECK(n.status("below").description == "mended, too");
  CHECK_FALSE(n.alive("new"));
  CHECK(n.remove("other")->ok());
  CHECK(n.remove("deep")->ok());
  n.done();
  n.start("g");
  CHECK(n.done() == "launch a, launch new, launch below");
  CHECK(n.snapshot().supervisors[1].intensity == intensity_limit{7, 60s});
  CHECK(n.start("b")->text() == "no daemon named 'b'");
}

TEST_CASE("a child of the root that exceeds the intensity is failed alone", "[supervisor]") {
  stack s;
  auto fast = with_policy(daemon_named("a"), restart_policy::always());
  fast.restart.next_delay = 0ns;
  s.daemons = {fast, daemon_named("b")};
  scripted_node n{s};
  for (int i = 0; i < 10; ++i)
    n.crash("a");
  CHECK(n.state("a") == "running");
  n.crash("a");
  CHECK(n.state("a") == "failed");
  CHECK_THAT(n.status("a").status_text, Contains("10 restarts in 1m"));
  CHECK(n.state("b") == "running");
  CHECK_FALSE(n.ended());
  CHECK(n.start("a")->text() == "running");
  n.crash("a");
  CHECK(n.state("a") == "running"); // begins anew
}

TEST_CASE("escalation does not wait for dependants under other supervisors", "[supervisor]") {
  stack s;
  s.supervisors = {group("g", strategy::one_for_one, {0, 60s})};
  s.daemons = {daemon_named("db", "g"), daemon_named("flaky", "g"), daemon_named("web")};
  s.daemons.edit(2).depends_on = {{"db", milestone::ready}};
  scripted_node n{s};
  REQUIRE(n.state("web") == "running");
  n.crash("flaky");
  CHECK(n.state("db") == "running");
  CHECK(n.state("flaky") == "running");
  CHECK(n.launches("db") == 2);
  CHECK(n.launches("web") == 1);
}

TEST_CASE("a supervisor is stopped and started by its name", "[supervisor]") {
  auto s = three(strategy::rest_for_one);
  scripted_node n{s};
  all_ready(n);
  n.done();
  CHECK(n.stop("g")->ok());
  CHECK(n.done() == "TERM c, TERM b, TERM a");
  CHECK(n.snapshot().supervisors[1].state == daemon_state::stopped);
  n.start("g");
  all_ready(n);
  CHECK(n.state("c") == "running");
}

TEST_CASE("what has completed stays so when its supervisor begins again", "[supervisor]") {
  stack s;
  s.supervisors = {group("g", strategy::one_for_one, {0, 60s})};
  s.daemons = {daemon_named("setup", "g"), daemon_named("web", "g")};
  s.daemons.edit(1).depends_on = {{"setup", milestone::completed}};
  scripted_node n{s};
  n.crash("setup", exit_code(0));
  REQUIRE(n.state("web") == "running");
  n.crash("web"); // the limit is 0: g gives up and begins again
  CHECK(n.state("web") == "running");
  CHECK(n.launches("setup") == 1);
}
