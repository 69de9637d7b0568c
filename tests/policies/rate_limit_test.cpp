#include "policies/rate_limit.hpp"

#include "tests/support/catch.hpp"

#include <rapidcheck.h>

#include <limits>

using namespace duende;
using namespace std::chrono_literals;

namespace {
instant rate_at(duration since) { return instant{} + 1h + since; }
} // namespace

TEST_CASE("ten times the rate is offered, the rate is admitted", "[F070]") {
  token_bucket bucket{100, 20};
  int admitted = 0;
  for (int i = 0; i < 10'000; ++i) // 1,000 a second for 10 s
    admitted += bucket.admit(rate_at(i * 1ms)) ? 1 : 0;
  CHECK(admitted >= 1019);
  CHECK(admitted <= 1020); // 10 s * 100 and the burst
}

TEST_CASE("a full bucket is a burst, an empty one waits", "[F070]") {
  token_bucket bucket{2, 4};
  CHECK(bucket.admit(rate_at(0s), 4));
  CHECK_FALSE(bucket.admit(rate_at(0s)));
  CHECK(bucket.wait(rate_at(0s)) == 500ms);
  CHECK_FALSE(bucket.admit(rate_at(499ms)));
  CHECK(bucket.admit(rate_at(500ms)));
  CHECK(bucket.wait(rate_at(10s)) == 0s);
  CHECK(bucket.wait(rate_at(10s), 5) == duration::max()); // more than it ever holds
  CHECK_FALSE(bucket.admit(rate_at(10s), 5));
  CHECK(bucket.admit(rate_at(9s), 4)); // a clock that went back takes nothing away
}

TEST_CASE("a bucket of nonsense admits nothing", "[F070]") {
  token_bucket nothing{-1, std::numeric_limits<double>::quiet_NaN()};
  CHECK_FALSE(nothing.admit(rate_at(0s)));
  CHECK(nothing.wait(rate_at(0s)) == duration::max());
}

TEST_CASE("over any span no more than rate and burst", "[F070]") {
  rc::check("the bound holds", [] {
    double rate = *rc::gen::inRange(0, 50), burst = *rc::gen::inRange(0, 20);
    token_bucket bucket{rate, burst};
    duration now{};
    int admitted = 0;
    for (auto step : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 200))) {
      now += step * 1ms;
      admitted += bucket.admit(rate_at(now)) ? 1 : 0;
      RC_ASSERT(admitted <= burst + rate * std::chrono::duration<double>(now).count() + 1e-6);
    }
  });
}
