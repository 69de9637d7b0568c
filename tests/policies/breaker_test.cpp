#include "policies/breaker.hpp"

#include "tests/support/catch.hpp"

#include <rapidcheck.h>

using namespace duende;
using namespace std::chrono_literals;

namespace {

instant at(duration since) { return instant{} + 1h + since; }

void fail_times(breaker& b, int times, instant now) {
  for (int i = 0; i < times; ++i) {
    auto call = b.admit(now);
    REQUIRE(call);
    b.failed(*call, now);
  }
}

} // namespace

TEST_CASE("the breaker opens at exactly the threshold", "[F065]") {
  breaker b{{5, 30s, 3}};
  fail_times(b, 4, at(0s));
  CHECK(b.state(at(0s)) == breaker_state::closed);
  fail_times(b, 1, at(0s));
  CHECK(b.state(at(0s)) == breaker_state::open);
  CHECK_FALSE(b.admit(at(0s)));
}

TEST_CASE("a success in between starts the count anew", "[F065]") {
  breaker b{{2, 30s, 1}};
  fail_times(b, 1, at(0s));
  b.succeeded(*b.admit(at(0s)));
  fail_times(b, 1, at(0s));
  CHECK(b.state(at(0s)) == breaker_state::closed);
}

TEST_CASE("the breaker lets a trial through after its timeout and not before", "[F066]") {
  breaker b{{1, 30s, 3}};
  fail_times(b, 1, at(0s));
  CHECK(b.retry_at() == at(30s));
  CHECK_FALSE(b.admit(at(30s - 1ns)));
  CHECK(b.state(at(30s - 1ns)) == breaker_state::open);
  CHECK(b.state(at(30s)) == breaker_state::half_open);
  CHECK(b.admit(at(30s)));
}

TEST_CASE("half-open admits one trial at a time, closes on success", "[F067]") {
  breaker b{{1, 30s, 3}};
  fail_times(b, 1, at(0s));
  for (int i = 0; i < 3; ++i) {
    CHECK(b.state(at(40s)) == breaker_state::half_open);
    auto trial = b.admit(at(40s));
    REQUIRE(trial);
    CHECK_FALSE(b.admit(at(50s)));
    b.succeeded(*trial);
  }
  CHECK(b.state(at(50s)) == breaker_state::closed);
  CHECK(b.admit(at(50s)));
  CHECK(b.admit(at(50s)));
}

TEST_CASE("half-open opens again on one failure", "[F067]") {
  breaker b{{5, 30s, 2}};
  fail_times(b, 5, at(0s));
  b.succeeded(*b.admit(at(30s)));
  b.failed(*b.admit(at(31s)), at(31s));
  CHECK(b.state(at(60s)) == breaker_state::open);
  CHECK(b.state(at(61s)) == breaker_state::half_open);
}

TEST_CASE("a trial that was not made makes room for the next") {
  breaker b{{1, 30s, 1}};
  fail_times(b, 1, at(0s));
  auto trial = b.admit(at(30s));
  b.abandoned(*trial);
  CHECK(b.admit(at(30s)));
}

TEST_CASE("outcomes of an earlier life change nothing") {
  breaker b{{1, 30s, 1}};
  auto slow = *b.admit(at(0s));
  auto slower = *b.admit(at(0s));
  fail_times(b, 1, at(0s));
  b.succeeded(slow);
  CHECK(b.state(at(0s)) == breaker_state::open);
  auto trial = *b.admit(at(30s));
  b.failed(slower, at(30s));
  CHECK(b.state(at(30s)) == breaker_state::half_open);
  b.succeeded(trial);
  CHECK(b.state(at(30s)) == breaker_state::closed);
}

TEST_CASE("the state is told") {
  breaker b{{2, 30s, 1}};
  CHECK(b.explain(at(0s)) == "closed");
  fail_times(b, 2, at(0s));
  CHECK(b.explain(at(10s)) == "open for 20s more after 2 failures in a row");
  CHECK(b.explain(at(30s)) == "half-open, waits for a trial");
  b.admit(at(30s));
  CHECK(b.explain(at(30s)) == "half-open, one trial is out");
  CHECK(to_string(breaker_state::half_open) == "half-open");
}

TEST_CASE("whatever happens, an open breaker admits nothing early and a half-open one never two") {
  REQUIRE(rc::check("breaker", [] {
    const breaker_limits limits{
      *rc::gen::inRange<std::uint32_t>(0, 4), std::chrono::seconds{*rc::gen::inRange(1, 5)},
      *rc::gen::inRange<std::uint32_t>(0, 4)};
    const auto steps = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 12));
    breaker b{limits};
    std::vector<breaker::ticket> out;
    duration now{};
    for (auto step : steps) {
      if (step < 4) {
        const auto before = b.state(at(now));
        const auto call = b.admit(at(now));
        RC_ASSERT(!call || before != breaker_state::open);
        RC_ASSERT(call || before != breaker_state::closed);
        if (call) {
          if (before == breaker_state::half_open) {
            RC_ASSERT(!b.admit(at(now)));
          }
          out.push_back(*call);
        }
      } else if (step < 6) {
        now += 1s;
      } else if (!out.empty()) {
        const auto call = out.back();
        out.pop_back();
        if (step < 9)
          b.failed(call, at(now));
        else if (step < 11)
          b.succeeded(call);
        else
          b.abandoned(call);
      }
    }
  }));
}
