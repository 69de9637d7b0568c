#include "core/config/graph.hpp"

#include "tests/core/config_support.hpp"
#include "tests/support/catch.hpp"

#include <fmt/format.h>

using namespace duende;
using duende::test::faults;

namespace {

std::string daemon_text(std::string_view name, std::string_view needs, std::string_view supervisor = "root") {
  return fmt::format(
    "[[daemon]]\nname = \"{}\"\ncommand = \"x\"\nsupervisor = \"{}\"\ndepends_on = [{}]\n", name, supervisor, needs);
}

std::string supervisor_text(std::string_view name, std::string_view strategy, std::string_view parent = "root") {
  return fmt::format("[[supervisor]]\nname = \"{}\"\nstrategy = \"{}\"\nparent = \"{}\"\n", name, strategy, parent);
}

} // namespace

TEST_CASE("names that nothing has") {
  CHECK(
    faults(daemon_text("web", "\"bd\"") + daemon_text("db", "", "shop"))
    == "f.toml:5:15: no daemon named 'bd', which 'web' depends on; did you mean 'db'?\n"
       "f.toml:9:14: unknown supervisor 'shop'");
  CHECK(
    faults(supervisor_text("shop", "one_for_one", "shpo"))
    == "f.toml:4:10: unknown supervisor 'shpo'; did you mean 'shop'?");
}

TEST_CASE("names that two have") {
  CHECK(
    faults(daemon_text("a", "") + daemon_text("a", ""))
    == "f.toml:7:8: duplicate daemon 'a'; the first is at f.toml:2:8");
  CHECK(
    faults(supervisor_text("s", "one_for_one") + supervisor_text("s", "one_for_one"))
    == "f.toml:6:8: duplicate supervisor 's'; the first is at f.toml:2:8");
  CHECK(
    faults("[[supervisor]]\nname = \"s\"\n[[daemon]]\nname = \"s\"\ncommand = \"/a\"\n")
    == "f.toml:4:8: daemon 's' has the name of a supervisor; that one is at f.toml:2:8");
}

TEST_CASE("cycles are named") {
  CHECK(
    faults(daemon_text("a", "\"b\"") + daemon_text("b", "\"c\"") + daemon_text("c", "\"a\""))
    == "f.toml:5:15: dependency cycle: 'a' needs 'b' needs 'c' needs 'a'");
  CHECK(faults(daemon_text("a", "\"a\"")) == "f.toml:5:15: dependency cycle: 'a' needs 'a'");
  CHECK(
    faults(supervisor_text("s", "one_for_one", "t") + supervisor_text("t", "one_for_one", "s"))
    == "f.toml:4:10: supervisors in a cycle: 's' below 't' below 's'");
  CHECK(faults(supervisor_text("s", "one_for_one", "s")) == "f.toml:4:10: supervisors in a cycle: 's' below 's'");
}

TEST_CASE("the start order of a supervisor counts as dependency") {
  for (std::string_view how : {"one_for_all", "rest_for_one"})
    CHECK(
      faults(supervisor_text("s", how) + daemon_text("a", "\"b\"", "s") + daemon_text("b", "", "s"))
      == "f.toml:9:15: dependency cycle: 'a' needs 'b' comes after 'a' ('s' starts its children in order)");
  CHECK(
    faults(supervisor_text("s", "one_for_one") + daemon_text("a", "\"b\"", "s") + daemon_text("b", "", "s")).empty());
  CHECK(
    faults(supervisor_text("s", "one_for_all") + daemon_text("a", "", "s") + daemon_text("b", "\"a\"", "s")).empty());
  // All below the first child come before the second child, at any depth.
  CHECK(
    faults(
      supervisor_text("s", "rest_for_one") + supervisor_text("inner", "one_for_one", "s")
      + daemon_text("a", "\"b\"", "inner") + daemon_text("b", "", "s"))
    == "f.toml:13:15: dependency cycle: 'a' needs 'b' comes after 'a' ('s' starts its children in order)");
  // A way through a daemon outside.
  CHECK(
    faults(
      supervisor_text("s", "rest_for_one") + daemon_text("a", "\"out\"", "s") + daemon_text("b", "", "s")
      + daemon_text("out", "\"b\""))
    == "f.toml:9:15: dependency cycle: 'a' needs 'out' needs 'b' comes after 'a' ('s' starts its children in order)");
}

TEST_CASE("supervisors come out with parents first") {
  auto result = load_text(
    supervisor_text("c", "one_for_one", "b") + supervisor_text("b", "one_for_one", "a")
      + supervisor_text("a", "one_for_one") + supervisor_text("z", "one_for_one"),
    config_format::toml, "f.toml", "/");
  REQUIRE(result.ok());
  std::string order;
  for (const auto& spec : result.value.supervisors)
    order += spec.name;
  CHECK(order == "azbc");
}

TEST_CASE("a chain of 100,000 daemons is walked without recursion") {
  stack chain;
  for (int i = 0; i < 100'000; ++i) {
    daemon_spec spec{.name = "d" + std::to_string(i)};
    if (i > 0)
      spec.depends_on.push_back({"d" + std::to_string(i - 1)});
    chain.daemons.push_back(std::move(spec));
  }
  CHECK(check_graph(chain).empty());
  chain.daemons.edit(0).depends_on.push_back({"d99999"});
  CHECK(check_graph(chain).size() == 1);
}

TEST_CASE("children in start order") {
  stack value;
  value.supervisors = {{.name = "s"}, {.name = "t", .parent = "s"}};
  value.daemons = {{.name = "a"}, {.name = "b", .supervisor = "s"}};
  CHECK(children_of(value, "root") == std::vector<child_ref>{{true, 0}, {false, 0}});
  CHECK(children_of(value, "s") == std::vector<child_ref>{{true, 1}, {false, 1}});
  CHECK(children_of(value, "t").empty());
}
