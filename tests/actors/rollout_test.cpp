// Roll-outs as the stack has them: at any time it says what each instance is.
#include "actors/node.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/scripted_node.hpp"

using namespace duende;
using namespace duende::test;

TEST_CASE("a roll-out writes down each instance as it is replaced", "[supervisor]") {
  stack s;
  for (auto* name : {"web-1", "web-2"}) {
    auto spec = with_policy(notifying(name), restart_policy::never());
    spec.instance_of = "web";
    spec.max_unavailable = 1;
    s.daemons.push_back(spec);
  }
  scripted_node n{s};
  n.ready("web-1");
  n.ready("web-2");
  auto wanted = s;
  for (std::size_t i = 0; i < wanted.daemons.size(); ++i)
    wanted.daemons.edit(i).args = {"new"};
  auto plan = [&] { // what an apply of the same would still have to do
    std::string steps;
    auto order = std::make_shared<apply_order>(apply_order{wanted, true});
    n.system->spawn([&, order](caf::event_based_actor* self) {
      self->request(n.node, caf::infinite, order).then([&](const apply_plan& found) {
        for (auto& step : found.steps)
          steps += step.name + " ";
      });
    });
    n.run();
    return steps;
  };
  auto done = n.apply(wanted);
  CHECK(plan() == "web-1 web-2 ");
  n.ready("web-1");
  CHECK(plan() == "web-2 ");
  SECTION("to the end") {
    n.ready("web-2");
    CHECK(*done == "applied");
    CHECK(plan().empty());
  }
  SECTION("one that gives up: it comes back as it was") {
    n.crash("web-2");
    CHECK_THAT(*done, Contains("'web-2' did not get ready"));
    CHECK(plan() == "web-2 ");
    n.ready("web-2");
    CHECK(n.state("web-2") == "running");
    CHECK(n.alive("web-1"));
  }
}
