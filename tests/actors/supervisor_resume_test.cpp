// A node that lives again: what it makes of processes that lived on and of ends that nobody saw.
#include "tests/support/catch.hpp"
#include "tests/support/scripted_node.hpp"

#include "actors/life_record.hpp"

using namespace duende;
using namespace duende::test;

namespace {

child_seed& seed_in(supervisor_seed& in, const std::string& name) {
  for (auto& each : in.children) {
    if (each.name == name)
      return each;
    if (each.supervisor)
      for (auto& below : each.supervisor->children)
        if (below.name == name)
          return below;
  }
  throw std::runtime_error("no child " + name);
}

/// What the keeper and the database said of a daemon when the node came back.
struct found {
  bool running = true;
  bool ready = true;
  bool processed = false; ///< the end had been written down
  intent wanted = intent::run;
  daemon_state stored = daemon_state::running;
  int status = exit_code(1);
  bool stopped = false;
  bool unlaunched = false; ///< there never was a process
};

class resumed_node : public scripted_node {
public:
  resumed_node(const stack& s, const std::vector<std::pair<std::string, found>>& what, bool stopping = false)
    : scripted_node(s, [&, this](node_seed& seed) {
        for (auto& [name, how] : what)
          recall(seed_in(*seed.root, name), how);
        if (stopping)
          mark(*seed.root);
      }) {}

private:
  void mark(supervisor_seed& seed) {
    seed.stopping = true;
    for (auto& each : seed.children)
      if (each.supervisor)
        mark(*each.supervisor);
  }
  void recall(child_seed& seed, const found& how) {
    auto held = hold(seed.name, 4, how.ready, how.wanted);
    held.running = how.running;
    held.stopped = how.stopped;
    living[seed.name].stopped = how.stopped;
    if (!how.running) {
      living.erase(seed.name);
      if (how.unlaunched)
        held.process.pid = 0;
      held.exit = {held.process.id, 4, held.process.pid, how.status, {}, held.started_at, now, wall_now()};
    }
    seed.id = held.process.id;
    seed.incarnation = how.processed ? 4 : 3;
    seed.restarts = 3;
    seed.state = how.stored;
    seed.held = held;
  }
};

} // namespace

TEST_CASE("what runs is adopted as it is", "[resume]") {
  SECTION("ready") {
    resumed_node n{one(), {{"d", {}}}};
    CHECK(n.done() == "adopt d");
    CHECK(n.state("d") == "running");
    CHECK(n.status("d").ready);
    CHECK(n.status("d").restarts == 3);
    CHECK(n.status("d").incarnation == 4);
    n.crash("d");
    CHECK(n.launches("d") == 1);
    CHECK(n.status("d").incarnation == 5);
  }
  SECTION("not yet ready") {
    resumed_node n{one(), {{"d", {.ready = false}}}};
    CHECK(n.state("d") == "starting");
    n.ready("d");
    CHECK(n.state("d") == "running");
  }
  SECTION("paused") {
    resumed_node n{one(), {{"d", {.stopped = true}}}};
    CHECK(n.state("d") == "paused");
    CHECK(n.act(verb::resume, "d")->text() == "running");
  }
  SECTION("on its way down") {
    resumed_node n{one(), {{"d", {.wanted = intent::stop}}}};
    CHECK(n.done() == "adopt d, TERM d");
    CHECK(n.state("d") == "stopped");
  }
  SECTION("on its way to a restart") {
    resumed_node n{one(), {{"d", {.wanted = intent::restart}}}};
    CHECK(n.done() == "adopt d, TERM d, launch d");
  }
}

TEST_CASE("an end that nobody saw is decided about as if it were now", "[resume]") {
  SECTION("a crash") {
    resumed_node n{one(), {{"d", {.running = false}}}};
    CHECK(n.launches("d") == 1);
    CHECK(n.status("d").last->reason == exit_reason::code(1));
    CHECK(n.status("d").restarts == 4);
  }
  SECTION("a clean end rests") {
    resumed_node n{one(), {{"d", {.running = false, .status = 0}}}};
    CHECK(n.launches("d") == 0);
    CHECK(n.state("d") == "stopped");
  }
  SECTION("a start that failed is no clean end") {
    resumed_node n{one(), {{"d", {.running = false, .ready = false, .status = 0, .unlaunched = true}}}};
    CHECK(n.status("d").last->reason.cause == exit_cause::spawn);
    CHECK(n.launches("d") == 1);
  }
  SECTION("a stop that was asked for is not restarted") {
    resumed_node n{one(), {{"d", {.running = false, .wanted = intent::stop}}}};
    CHECK(n.launches("d") == 0);
    CHECK(n.state("d") == "stopped");
  }
  SECTION("a restart that was asked for happens once") {
    resumed_node n{one(), {{"d", {.running = false, .wanted = intent::restart}}}};
    CHECK(n.launches("d") == 1);
  }
  SECTION("one that was acted upon, in back-off") {
    auto spec = notifying("d");
    spec.restart.initial_delay = 10s;
    resumed_node n{one(spec), {{"d", {.running = false, .processed = true, .stored = daemon_state::backoff}}}};
    CHECK(n.state("d") == "backoff");
    CHECK(n.launches("d") == 0);
    n.advance(11s);
    CHECK(n.launches("d") == 1);
  }
  SECTION("one that was acted upon and whose start was under way") {
    resumed_node n{one(), {{"d", {.running = false, .processed = true, .stored = daemon_state::stopped}}}};
    CHECK(n.launches("d") == 1);
  }
}

TEST_CASE("a group finds all its members before it acts on an end", "[resume]") {
  stack s;
  s.supervisors = {{"g", "root", strategy::one_for_all, {100, 60s}}};
  s.daemons = {daemon_named("a", "g"), daemon_named("b", "g"), daemon_named("c", "g")};
  resumed_node n{s, {{"a", {.running = false}}, {"b", {}}, {"c", {}}}};
  CHECK(n.launches("a") == 1);
  CHECK(n.launches("b") == 1);
  CHECK(n.launches("c") == 1);
  CHECK_FALSE(n.doubled);
}

TEST_CASE("a stop outlives the restart of its group, also in the next node", "[resume]") {
  auto how = GENERATE(strategy::one_for_all, strategy::rest_for_one);
  auto s = three(how);
  auto wanted = intent::run;
  {
    scripted_node n{s};
    all_ready(n);
    n.of["b"].ignores_stop = true;
    auto stopped = n.stop("b");
    n.crash("a");
    wanted = parse_life_record(n.records["b"])->wanted;
    CHECK(parse_life_record(n.records["c"])->wanted == intent::restart);
    n.advance(3s);
    all_ready(n);
    CHECK(stopped->text() == "stopped");
    CHECK(n.launches("a") == 2);
    CHECK(n.launches("b") == 1);
    CHECK(n.launches("c") == 2);
  }
  CHECK(wanted == intent::stop);
  resumed_node n{s, {{"a", {.running = false}}, {"b", {.wanted = wanted}}, {"c", {}}}};
  n.advance(10s);
  all_ready(n);
  CHECK(n.state("b") == "stopped");
  CHECK(n.launches("b") == 0);
}

TEST_CASE("two ends that nobody saw restart their group once", "[resume]") {
  stack s;
  s.supervisors = {{"g", "root", strategy::one_for_all, {100, 60s}}};
  s.daemons = {daemon_named("a", "g"), daemon_named("b", "g")};
  resumed_node n{s, {{"a", {.running = false}}, {"b", {.running = false}}}};
  CHECK(n.launches("a") == 1);
  CHECK(n.launches("b") == 1);
  CHECK_FALSE(n.doubled);
}

TEST_CASE("a node that was stopping goes on stopping", "[resume]") {
  stack s;
  s.supervisors = {{"g", "root", strategy::one_for_one, {100, 60s}}};
  s.daemons = {daemon_named("gone"), daemon_named("lives"), daemon_named("nested", "g"), daemon_named("never")};
  resumed_node n{s, {{"gone", {.running = false}}, {"lives", {}}, {"nested", {}}}, true};
  CHECK_FALSE(n.alive("lives"));
  CHECK_FALSE(n.alive("nested"));
  CHECK(n.ended());
  for (auto* name : {"gone", "lives", "nested", "never"})
    CHECK(n.launches(name) == 0);
}
