#include "policies/gates.hpp"

#include "tests/support/catch.hpp"

using namespace duende;
using namespace std::chrono_literals;

namespace {

gate_spec quality() {
  gate_spec gate;
  gate.name = "quality";
  gate.quality_json = true;
  return gate;
}

std::string judged(const gate_spec& gate, std::string_view output, int code = 0) {
  return summary(judge_gate(gate, {true, code, "exited with code " + std::to_string(code), output}));
}

instant gate_at(duration since) { return instant{} + 1h + since; }

} // namespace

TEST_CASE("an analysis over the threshold of complexity stops a start", "[F061]") {
  auto gate = quality();
  gate.max_complexity = 20;
  CHECK(judged(gate, R"({"max_complexity": 20})").empty());
  CHECK(judged(gate, R"({"max_complexity": 31})") == "gate 'quality': max_complexity is 31, at most 20 is allowed");
}

TEST_CASE("self-admitted debt over the tolerance is reported", "[F062]") {
  auto gate = quality();
  gate.satd_count = 3;
  CHECK(judged(gate, R"({"satd_count": 3})").empty());
  CHECK(judged(gate, R"({"satd_count": 4})") == "gate 'quality': satd_count is 4, at most 3 is allowed");
}

TEST_CASE("dead code over the threshold is reported", "[F063]") {
  auto gate = quality();
  gate.dead_code_percent = 2.5;
  CHECK(judged(gate, R"({"dead_code_percent": 2.5})").empty());
  CHECK(
    judged(gate, R"({"dead_code_percent": 2.75})")
    == "gate 'quality': dead_code_percent is 2.75, at most 2.5 is allowed");
}

TEST_CASE("a quality score under the minimum is rejected", "[F064]") {
  auto gate = quality();
  gate.quality_score = 80;
  CHECK(judged(gate, R"({"quality_score": 80})").empty());
  CHECK(judged(gate, R"({"quality_score": 79.5})") == "gate 'quality': quality_score is 79.5, at least 80 is wanted");
  CHECK(
    judge_gate(gate, {true, 0, "exited with code 0", R"({"quality_score": 1})"}).front().recommendation.size() > 10);
}

TEST_CASE("a gate without thresholds has the default ones, for what is there", "[jidoka]") {
  CHECK(judged(quality(), R"({"max_complexity": 20, "other": {}})").empty());
  CHECK_THAT(
    judged(quality(), R"({"max_complexity": 21, "quality_score": 69})"),
    Contains("at most 20") && Contains("at least 70"));
  CHECK_THAT(judged(quality(), "{}"), Contains("none of the members"));
}

TEST_CASE("an analysis that says nothing does not pass", "[jidoka]") {
  auto gate = quality();
  gate.max_complexity = 20;
  CHECK_THAT(judged(gate, "{}"), Contains("has no number 'max_complexity'"));
  CHECK_THAT(judged(gate, R"({"max_complexity": "3"})"), Contains("has no number 'max_complexity'"));
  CHECK_THAT(judged(gate, R"({"max_complexity": null})"), Contains("has no number"));
  CHECK_THAT(judged(gate, ""), Contains("exited with code 0, and its output is no JSON object"));
  CHECK_THAT(
    judged(gate, "Traceback\nboom\n", 1), Contains("exited with code 1, and its output is no JSON object: boom"));
  CHECK_THAT(judged(gate, "[1]"), Contains("no JSON object"));
  CHECK(
    judged(gate, R"({"max_complexity": 3})", 2).empty()); // analysers exit with 1 for findings: the thresholds decide
  CHECK_THAT(
    summary(judge_gate(gate, {false, 0, "run 'x': no answer within 30s", "{\"max_complexity\": 3}"})),
    Contains("no answer within 30s"));
}

TEST_CASE("a gate without a format agrees by its exit code", "[jidoka]") {
  gate_spec gate;
  gate.name = "disk";
  CHECK(judged(gate, "whatever").empty());
  CHECK(judged(gate, "checking\nno space left\n\n", 1) == "gate 'disk': exited with code 1: no space left");
  CHECK(judged(gate, "", 3) == "gate 'disk': exited with code 3");
}

TEST_CASE("an invariant is broken by what lasts", "[jidoka]") {
  invariant_spec rule;
  rule.name = "rss";
  rule.metric = "memory_bytes";
  rule.above = 2.0 * (1 << 30);
  rule.lasting = 30s;
  invariant_track track{rule};
  CHECK_FALSE(track.observe(3.0 * (1 << 30), gate_at(0s)));
  CHECK_FALSE(track.observe(2.0 * (1 << 30), gate_at(10s))); // not above
  CHECK_FALSE(track.observe(3.0 * (1 << 30), gate_at(20s)));
  CHECK_FALSE(track.observe(3.0 * (1 << 30), gate_at(50s - 1ns)));
  auto broken = track.observe(3.0 * (1 << 30), gate_at(50s));
  REQUIRE(broken);
  CHECK(summary({*broken}) == "invariant 'rss': memory_bytes is 3 GiB, above 2 GiB for 30s");
  track.reset();
  CHECK_FALSE(track.observe(3.0 * (1 << 30), gate_at(60s)));
  invariant_spec low;
  low.metric = "threads";
  low.name = "pool";
  low.below = 4;
  CHECK(invariant_track{low}.observe(3, gate_at(0s)));
  CHECK_FALSE(invariant_track{low}.observe(4, gate_at(0s)));
}
