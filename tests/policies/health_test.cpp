#include "policies/health.hpp"

#include "tests/support/catch.hpp"

#include <rapidcheck.h>

using namespace duende;
using namespace std::chrono_literals;

namespace {

constexpr auto passed = check_outcome::passed, failed = check_outcome::failed, so_so = check_outcome::degraded;
constexpr auto healthy = health_state::healthy, degraded = health_state::degraded, unhealthy = health_state::unhealthy,
               unknown = health_state::unknown;

instant health_at(duration since) { return instant{} + 1h + since; }

} // namespace

TEST_CASE("so many failures in a row make it unhealthy, one passed check healthy", "[health]") {
  health_track track{3, 0s, health_at(0s)};
  CHECK(track.state() == unknown);
  struct row {
    check_outcome outcome;
    health_state then;
    bool act;
  };
  for (auto& [outcome, then, act] : std::vector<row>{
         {passed, healthy, false},
         {failed, degraded, false},
         {passed, healthy, false},
         {failed, degraded, false},
         {failed, degraded, false},
         {failed, unhealthy, true},
         {failed, unhealthy, false},
         {so_so, degraded, false},
         {failed, degraded, false},
         {failed, degraded, false},
         {failed, unhealthy, true},
         {passed, healthy, false}}) {
    auto change = track.observe(outcome, health_at(1s));
    CHECK(track.state() == then);
    CHECK(change.became_unhealthy() == act);
  }
}

TEST_CASE("failures in the start period do not count, what passes does", "[health]") {
  health_track track{1, 10s, health_at(0s)};
  CHECK_FALSE(track.observe(failed, health_at(9s)).happened());
  CHECK(track.state() == unknown);
  CHECK(track.observe(passed, health_at(9s)).now == healthy);
  CHECK_FALSE(track.observe(failed, health_at(10s - 1ns)).happened());
  CHECK(track.observe(failed, health_at(10s)).became_unhealthy());
}

TEST_CASE("what happened to health, in words", "[health]") {
  health_track track{2, 0s, health_at(0s)};
  auto words = [&](check_outcome outcome) {
    return explain(track.observe(outcome, health_at(0s)), 2, "connect: refused");
  };
  CHECK(words(passed).empty());
  CHECK(words(passed).empty());
  CHECK(words(failed) == "degraded: connect: refused (1 of 2)");
  CHECK(words(failed) == "unhealthy after 2 failures in a row: connect: refused");
  CHECK(words(failed).empty());
  CHECK(words(passed) == "healthy again");
  CHECK(words(so_so) == "degraded: connect: refused");
  health_track once{0, 0s, health_at(0s)};
  CHECK(explain(once.observe(failed, health_at(0s)), 1, "x") == "unhealthy: x");
}

TEST_CASE("it acts once for each row of failures", "[health]") {
  rc::check("at most one act without a check that passed in between", [] {
    auto retries = static_cast<std::uint32_t>(*rc::gen::inRange(1, 5));
    health_track track{retries, 0s, health_at(0s)};
    std::uint32_t row = 0;
    for (auto outcome : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 3))) {
      row = outcome == 2 ? row + 1 : 0;
      auto change = track.observe(static_cast<check_outcome>(outcome), health_at(0s));
      RC_ASSERT(change.became_unhealthy() == (row == retries));
    }
  });
}
