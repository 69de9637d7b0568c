#include "policies/intensity.hpp"

#include "tests/support/catch.hpp"

#include <rapidcheck.h>

#include <deque>

using namespace duende;

namespace {
instant tick(duration since) { return instant{} + 1h + since; }
} // namespace

TEST_CASE("the sixth restart within 30s is refused") {
  restart_window window;
  const intensity_limit limit{5, 30s};
  for (int i = 0; i < 5; ++i)
    CHECK(window.admit(tick(i * 1s), limit));
  CHECK_FALSE(window.admit(tick(5s), limit));
  CHECK(window.count(tick(5s), limit) == 5);
  CHECK(restart_window::refusal(limit) == "5 restarts in 30s, the limit is 5 in 30s");
}

TEST_CASE("a restart exactly one window ago still counts") {
  const intensity_limit limit{1, 30s};
  restart_window window;
  CHECK(window.admit(tick(0s), limit));
  CHECK_FALSE(window.admit(tick(30s), limit));
  CHECK(window.admit(tick(30s + 1ns), limit));
}

TEST_CASE("an intensity of zero refuses the first restart") {
  restart_window window;
  CHECK_FALSE(window.admit(tick(0s), {0, 30s}));
  CHECK(window.empty());
}

TEST_CASE("a window is small while nothing restarts and again after a storm") {
  static_assert(sizeof(restart_window) == sizeof(void*));
  const intensity_limit limit{1000000, 1s};
  restart_window window;
  CHECK(window.empty());
  for (int i = 0; i < 100000; ++i)
    REQUIRE(window.admit(tick(i * 1us), limit));
  CHECK(window.recent().size() == 100000);
  CHECK(window.count(tick(10s), limit) == 0);
  CHECK(window.empty());
}

TEST_CASE("a window survives its persistence") {
  const intensity_limit limit{3, 30s};
  restart_window first;
  first.admit(tick(0s), limit);
  first.admit(tick(1s), limit);
  restart_window second;
  second.restore(first.recent());
  CHECK(second.recent() == first.recent());
  CHECK(second.admit(tick(2s), limit));
  CHECK_FALSE(second.admit(tick(3s), limit));
  second.clear();
  CHECK(second.admit(tick(3s), limit));
}

TEST_CASE("instants of an earlier boot are forgotten") {
  restart_window window;
  const std::vector<instant> before = {tick(100h), tick(101h)};
  window.restore(before);
  CHECK(window.count(tick(0s), {2, 30s}) == 0);
  CHECK(window.admit(tick(0s), {2, 30s}));
}

TEST_CASE("limits may change while restarts are remembered") {
  restart_window window;
  for (int i = 0; i < 8; ++i)
    REQUIRE(window.admit(tick(i * 1s), {8, 60s}));
  CHECK_FALSE(window.admit(tick(9s), {2, 60s}));
  CHECK(window.admit(tick(9s), {9, 60s}));
  CHECK(window.admit(tick(20s), {2, 11s}));
}

TEST_CASE("windows agree with a list of all restarts") {
  REQUIRE(rc::check("intensity", [] {
    const intensity_limit limit{
      *rc::gen::inRange<std::uint32_t>(0, 20), std::chrono::milliseconds{*rc::gen::inRange(1, 50)}};
    const auto steps = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 12));
    restart_window window;
    std::deque<instant> admitted;
    duration now{};
    for (auto step : steps) {
      now += std::chrono::milliseconds{step};
      const auto within =
        std::count_if(admitted.begin(), admitted.end(), [&](instant i) { return tick(now) - i <= limit.window; });
      const bool expected = static_cast<std::uint32_t>(within) < limit.restarts;
      RC_ASSERT(window.admit(tick(now), limit) == expected);
      if (expected)
        admitted.push_back(tick(now));
      RC_ASSERT(window.recent().size() <= limit.restarts);
    }
  }));
}
