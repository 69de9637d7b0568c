#include "core/time.hpp"

#include "tests/support/catch.hpp"

#include <rapidcheck.h>

using namespace duende;

namespace {

wall_time at(std::int64_t milliseconds) { return wall_time{std::chrono::milliseconds{milliseconds}}; }

} // namespace

TEST_CASE("wall times print and read as RFC 3339") {
  CHECK(to_rfc3339(at(0)) == "1970-01-01T00:00:00.000Z");
  CHECK(to_rfc3339(at(1'769'860'800'123)) == "2026-01-31T12:00:00.123Z");
  CHECK(to_rfc3339(at(-1)) == "1969-12-31T23:59:59.999Z");
  CHECK(parse_rfc3339("2026-01-31T12:00:00Z") == at(1'769'860'800'000));
  CHECK(parse_rfc3339("2026-01-31t14:00:00.1239+02:00") == at(1'769'860'800'123));
  CHECK(parse_rfc3339("2026-01-31T11:30:00.1-00:30") == at(1'769'860'800'100));
  CHECK(parse_rfc3339("2016-12-31T23:59:60Z") == parse_rfc3339("2017-01-01T00:00:00Z"));
  rc::check("they read back equal", [] {
    auto time = at(*rc::gen::inRange<std::int64_t>(-62'167'219'200'000, 253'402'300'800'000));
    RC_ASSERT(parse_rfc3339(to_rfc3339(time)) == time);
  });
}

TEST_CASE("what is no RFC 3339 is refused") {
  for (auto text :
       {"", "2026-01-31", "2026-01-31T12:00:00", "2026-01-31 12:00:00Z", "2026-02-30T12:00:00Z", "2026-01-31T24:00:00Z",
        "2026-01-31T12:60:00Z", "2026-01-31T12:00:61Z", "2026-01-31T12:00:00.Z", "2026-01-31T12:00:00+0200",
        "2026-01-31T12:00:00Z ", "26-01-31T12:00:00Z", "2026-00-31T12:00:00Z", "2026-01-31T12:00:00+24:00"}) {
    INFO(text);
    CHECK_FALSE(parse_rfc3339(text));
  }
}
