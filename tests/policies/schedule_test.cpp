// When a scheduled daemon runs next, and which missed runs are made up for.
#include "core/errc.hpp"
#include "policies/schedule.hpp"
#include "tests/support/catch.hpp"

#include <rapidcheck.h>

using namespace duende;

namespace {

wall_time at(const char* text) { return *parse_rfc3339(text); }

schedule_rule rule(schedule_spec spec) { return *schedule_rule::make(spec); }

} // namespace

TEST_CASE("every: from the start of one run to the next", "[schedule]") {
  auto quarter = rule({.every = 15min});
  auto now = at("2026-01-01T12:07:00Z");
  CHECK(quarter.next({}, now, 1) == at("2026-01-01T12:22:00Z"));
  CHECK(quarter.next({.last = at("2026-01-01T12:05:00Z")}, now, 1) == at("2026-01-01T12:20:00Z"));
  // Long ago: the next one on its grid.
  CHECK(quarter.next({.last = at("2026-01-01T03:05:00Z")}, now, 1) == at("2026-01-01T12:20:00Z"));
  // The clock went back an hour: not an hour and a quarter of silence.
  CHECK(
    quarter.next({.last = at("2026-01-01T13:05:00Z"), .next = at("2026-01-01T13:20:00Z")}, now, 1)
    == at("2026-01-01T12:22:00Z"));
  // What was announced stands, however often the node begins.
  CHECK(quarter.next({.next = at("2026-01-01T12:08:00Z")}, now, 1) == at("2026-01-01T12:08:00Z"));
}

TEST_CASE("calendar: what was announced stands, the clock going back does not hold it", "[schedule]") {
  auto nightly = rule({.calendar = "03:00 UTC", .jitter = 10min});
  auto first = *nightly.next({}, at("2026-01-01T12:00:00Z"), 7);
  CHECK(first >= at("2026-01-02T03:00:00Z"));
  CHECK(first <= at("2026-01-02T03:10:00Z"));
  CHECK(nightly.next({.next = first}, at("2026-01-02T03:00:00Z"), 7) == first); // its hour has come, its jitter not
  CHECK(*nightly.next({.next = first}, first, 7) >= at("2026-01-03T03:00:00Z"));
  CHECK(*nightly.next({.next = first}, at("2025-12-31T00:00:00Z"), 7) < at("2025-12-31T04:00:00Z"));
  CHECK_FALSE(rule({.calendar = "2020-1-1"}).next({}, at("2026-01-01T12:00:00Z"), 7));
}

TEST_CASE("a missed run is made up for where that is asked for, or where it was a moment ago", "[schedule]") {
  auto now = at("2026-01-01T12:00:00Z");
  auto asked = rule({.every = 1h, .catch_up = true}), not_asked = rule({.every = 1h});
  schedule_memory long_ago{.next = at("2025-12-01T00:00:00Z")}, just{.next = now - 20s}, ahead{.next = now + 1s};
  CHECK(asked.missed(long_ago, now));
  CHECK_FALSE(not_asked.missed(long_ago, now));
  CHECK(not_asked.missed(just, now));
  CHECK_FALSE(asked.missed(ahead, now));
  CHECK_FALSE(asked.missed({}, now));
}

TEST_CASE("the memory of a schedule reads back equal, and another schedule does not go by it", "[schedule]") {
  schedule_spec nightly{.calendar = "Mon..Fri 03:00"};
  schedule_memory memory{at("2026-01-01T03:00:00Z"), at("2026-01-02T03:00:00Z"), 3};
  auto text = to_text(memory, nightly);
  CHECK(parse_schedule_memory(text, nightly) == memory);
  auto other = parse_schedule_memory(text, {.every = 5s});
  CHECK_FALSE(other.next);
  CHECK(other.last == memory.last);
  CHECK(other.skipped == 3);
  CHECK(parse_schedule_memory("", nightly) == schedule_memory{});
  CHECK(parse_schedule_memory("2 1 2 3 x", nightly) == schedule_memory{});
  rc::check([&](std::string noise) { parse_schedule_memory("1 " + noise, nightly); });
}

TEST_CASE("the next run is ahead, and no further than an interval and its jitter", "[schedule]") {
  rc::check([] {
    schedule_spec spec;
    spec.every = std::chrono::milliseconds{*rc::gen::inRange(10, 100'000'000)};
    spec.jitter = std::chrono::milliseconds{*rc::gen::inRange(0, 100'000)};
    auto moment = [] {
      return wall_time{std::chrono::milliseconds{*rc::gen::inRange<std::int64_t>(1, 4'000'000'000'000)}};
    };
    schedule_memory memory;
    if (*rc::gen::arbitrary<bool>())
      memory.last = moment();
    if (*rc::gen::arbitrary<bool>())
      memory.next = moment();
    auto now = moment();
    auto next = *rule(spec).next(memory, now, *rc::gen::arbitrary<std::uint64_t>());
    RC_ASSERT(next > now);
    RC_ASSERT(next <= now + spec.every + spec.jitter);
  });
}
