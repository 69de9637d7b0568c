// [daemon.circuit_breaker] and [daemon.jidoka]: what is read, and what does not fit together.
#include "core/config/load.hpp"
#include "tests/core/config_support.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

using namespace duende;

namespace {

load_result policies(const std::string& more) {
  return load_text("[[daemon]]\nname = \"a\"\nbinary_path = \"x\"\n" + more, config_format::toml, "f.toml", "/etc/x");
}

std::string policy_faults(const std::string& more) {
  std::string result;
  for (auto& each : policies(more).errors)
    result += to_string(each) + "\n";
  return result;
}

void reads_back(const load_result& result) {
  REQUIRE(result.ok());
  auto back = load_daemon_json(to_json(result.value.daemons[0]).dump(), "/elsewhere");
  REQUIRE(back.ok());
  CHECK(back.value.daemons[0] == result.value.daemons[0]);
}

} // namespace

TEST_CASE("a circuit breaker, and one with the defaults", "[config][breaker]") {
  auto result = policies("[daemon.circuit_breaker]\nfailure_threshold = 3\nrecovery_timeout = \"5s\"\n");
  reads_back(result);
  CHECK(*result.value.daemons[0].breaker == breaker_limits{3, 5s, 3});
  auto defaults = policies("[daemon.circuit_breaker]\n");
  reads_back(defaults);
  CHECK(*defaults.value.daemons[0].breaker == breaker_limits{5, 30s, 3});
  CHECK_FALSE(policies("").value.daemons[0].breaker);
  CHECK_THAT(
    policy_faults("[daemon.circuit_breaker]\nfailure_threshold = 0"),
    Contains("f.toml:5:21: ") && Contains("out of range"));
  CHECK_THAT(
    policy_faults("[daemon.circuit_breaker]\nfailures = 3"), Contains("unknown key 'circuit_breaker.failures'"));
}

TEST_CASE("gates and invariants, as the guide has them", "[config][jidoka]") {
  auto result =
    policies("[daemon.jidoka]\nstop_on_first = true\n"
             "pre_start = [ { name = \"quality\", exec = [\"./quality.sh\"], format = \"quality-json\" },\n"
             "{ name = \"q2\", exec = \"./q 'a b'\", format = \"quality-json\", max_complexity = 20, quality_score = "
             "72.5, timeout = \"1m\" } ]\n"
             "invariants = [ { name = \"rss\", metric = \"memory_bytes\", above = \"2GiB\", for = \"30s\" },\n"
             "{ name = \"pool\", metric = \"threads\", below = 4 } ]\n");
  reads_back(result);
  auto& jidoka = *result.value.daemons[0].jidoka;
  CHECK(jidoka.stop_on_first);
  REQUIRE(jidoka.pre_start.size() == 2);
  CHECK(jidoka.pre_start[0].exec == std::vector<std::string>{"/etc/x/quality.sh"});
  CHECK(jidoka.pre_start[0].quality_json);
  CHECK_FALSE(jidoka.pre_start[0].max_complexity);
  CHECK(jidoka.pre_start[1].exec == std::vector<std::string>{"/etc/x/q", "a b"});
  CHECK(jidoka.pre_start[1].max_complexity == 20.0);
  CHECK(jidoka.pre_start[1].quality_score == 72.5);
  CHECK(jidoka.pre_start[1].timeout == 1min);
  REQUIRE(jidoka.invariants.size() == 2);
  CHECK(jidoka.invariants[0].above == 2.0 * (1ull << 30));
  CHECK(jidoka.invariants[0].lasting == 30s);
  CHECK(jidoka.invariants[1].below == 4.0);
  CHECK_FALSE(policies("[daemon.jidoka]\nstop_on_first = false\npre_start = []\n").value.daemons[0].jidoka);
}

TEST_CASE("what is wrong with a gate or an invariant has a place", "[config][jidoka]") {
  auto gate = [](const std::string& keys) { return policy_faults("[daemon.jidoka]\npre_start = [{ " + keys + " }]"); };
  CHECK_THAT(gate("exec = \"x\""), Contains("f.toml:5:14: ") && Contains("a gate without 'name'"));
  CHECK_THAT(gate("name = \"x\""), Contains("a gate without 'exec'"));
  CHECK_THAT(gate("name = \"x\", exec = \"\""), Contains("an empty command"));
  CHECK_THAT(gate("name = \"x\", exec = \"y\", max_complexity = 3"), Contains("needs 'format' = \"quality-json\""));
  CHECK_THAT(gate("name = \"x\", exec = \"y\", format = \"xml\""), Contains("unknown value 'xml'"));
  CHECK_THAT(gate("name = \"x\", exec = \"y\", max_complexty = 3"), Contains("did you mean 'max_complexity'"));
  CHECK_THAT(
    policy_faults("[daemon.jidoka]\npre_start = [{ name = \"x\", exec = \"y\" }, { name = \"x\", exec = \"y\" }]"),
    Contains("there is a 'x' already"));
  CHECK_THAT(policy_faults("[daemon.jidoka]\npre_start = [\"x\"]"), Contains("expected a table, found a string"));
  auto rule = [](const std::string& keys) { return policy_faults("[daemon.jidoka]\ninvariants = [{ " + keys + " }]"); };
  CHECK_THAT(rule("name = \"x\", metric = \"threads\""), Contains("without 'above' or 'below'"));
  CHECK_THAT(rule("name = \"x\", metric = \"threads\", above = 1, below = 2"), Contains("exclude each other"));
  CHECK_THAT(rule("name = \"x\", above = 1"), Contains("an invariant without 'metric'"));
  CHECK_THAT(
    rule("name = \"x\", metric = \"rss\", above = 1"), Contains("unknown value 'rss'") && Contains("memory_bytes"));
  CHECK_THAT(rule("name = \"x\", metric = \"threads\", above = \"many\""), Contains("'jidoka.invariants.above'"));
  CHECK_THAT(rule("name = \"x\", metric = \"threads\", above = true"), Contains("expected a number or a size"));
  CHECK_THAT(rule("name = \"x\", metric = \"threads\", above = -1"), Contains("out of range"));
  CHECK_THAT(rule("name = \"x\", metric = \"threads\", below = 0"), Contains("nothing is ever below 0"));
}
