// Calendar expressions: against systemd's own answers, by properties, and what is refused.
#include "core/calendar.hpp"
#include "core/errc.hpp"
#include "tests/core/calendar_table.hpp"
#include "tests/support/catch.hpp"

#include <rapidcheck.h>

#include <sstream>

using namespace duende;
using namespace std::chrono_literals;

namespace {

std::vector<std::string> fields(const std::string& text, char separator) {
  std::vector<std::string> result;
  std::istringstream in{text};
  for (std::string field; std::getline(in, field, separator);)
    result.push_back(field);
  return result;
}

/// The next five times as the table has them; "refused" for an error.
std::string answer(const std::string& zone, std::string base, const std::string& expression) {
  auto when = calendar::parse(expression);
  auto rules =
    when ? time_zone::named(when->zone().empty() ? zone : when->zone()) : caf::expected<time_zone>{when.error()};
  if (!rules)
    return "refused";
  base[10] = 'T';
  auto at = *parse_rfc3339(base + "Z");
  std::string result;
  for (int i = 0; i < 5; ++i) {
    auto next = when->next(at, *rules);
    if (!next)
      return result.empty() ? "never" : result;
    result += (i == 0 ? "" : " ") + to_rfc3339(*next).substr(0, 19);
    at = *next;
  }
  return result;
}

wall_time at(const char* text) { return *parse_rfc3339(text); }

} // namespace

TEST_CASE("calendar expressions elapse when systemd says so", "[calendar]") {
  int cases = 0;
  for (auto& line : fields(calendar_table, '\n')) {
    if (line.empty())
      continue;
    auto parts = fields(line, '|');
    REQUIRE(parts.size() == 4);
    INFO(line);
    CHECK(answer(parts[0], parts[1], parts[2]) == parts[3]);
    ++cases;
  }
  CHECK(cases > 150);
}

TEST_CASE("what is wrong with an expression is said", "[calendar]") {
  auto why = [](const char* text) {
    auto when = calendar::parse(text);
    return when ? std::string{"good"} : sentence(when.error());
  };
  CHECK_THAT(why(""), Contains("an empty expression"));
  CHECK_THAT(why("Mnday 3:00"), Contains("'Mnday' is no weekday"));
  CHECK_THAT(why("Fri..Mon"), Contains("'Fri..Mon' runs backwards"));
  CHECK_THAT(why("*/2:00"), Contains("write '0/2'"));
  CHECK_THAT(why("24:00"), Contains("hour 24 is not within 0 to 23"));
  CHECK_THAT(why("12:00:00.5"), Contains("fractions of seconds are not supported"));
  CHECK_THAT(why("12"), Contains("neither a weekday"));
  CHECK_THAT(why("*:0/0"), Contains("needs a number from 1 on"));
  CHECK_THAT(why("3:00 4:00"), Contains("'4:00' is one too many"));
  CHECK(why(std::string(300, '1').c_str()).size() < 200);
  CHECK_THAT(sentence(time_zone::named("Nowhere/City").error()), Contains("no time zone 'Nowhere/City'"));
  CHECK_THAT(sentence(time_zone::named("../../etc/passwd").error()), Contains("no time zone"));
}

TEST_CASE("milliseconds before and after a time", "[calendar]") {
  auto noon = *calendar::parse("12:00");
  CHECK(noon.next(at("2026-01-01T11:59:59.999Z"), {}) == at("2026-01-01T12:00:00Z"));
  CHECK(noon.next(at("2026-01-01T12:00:00.000Z"), {}) == at("2026-01-02T12:00:00Z"));
  CHECK(noon.next(at("2026-01-01T12:00:00.001Z"), {}) == at("2026-01-02T12:00:00Z"));
}

TEST_CASE("the next time is later, names what was asked for, and leaves nothing out", "[calendar]") {
  rc::check([] {
    auto pick = [](std::vector<std::string> of) { return *rc::gen::elementOf(of); };
    auto zone =
      *time_zone::named(pick({"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Tokyo"}));
    auto text = pick({"", "Mon..Fri ", "Sun ", "Sat,Wed "})
                + pick({"*-*-* ", "*-*-1/5 ", "*-2,10-* ", "*-*~1 ", "*-3..11/4-1..15 "})
                + pick({"02:30", "*:0/7", "0/5:10:20", "23:59:59", "1..3:*:30"});
    auto when = *calendar::parse(text);
    auto from = wall_time{std::chrono::milliseconds{*rc::gen::inRange<std::int64_t>(0, 3'000'000'000'000)}};
    auto next = when.next(from, zone);
    RC_ASSERT(next.has_value());
    RC_ASSERT(*next > from);
    // From anywhere in between it is the same.
    auto between = from + std::chrono::milliseconds{*rc::gen::inRange<std::int64_t>(0, (*next - from).count())};
    RC_ASSERT(when.next(between, zone) == next);
    RC_ASSERT(when.next(*next - 1ms, zone) == next);
  });
}

TEST_CASE("a zone's clock shows what its rules say", "[calendar]") {
  SECTION("by a rule for every year, as by the database") {
    auto rule = *time_zone::rule("CET-1CEST,M3.5.0,M10.5.0/3");
    auto file = *time_zone::named("Europe/Berlin");
    for (auto when = std::chrono::floor<std::chrono::seconds>(at("2000-01-01T00:00:00Z"));
         when < at("2060-01-01T00:00:00Z"); when += 7777s) {
      if (rule.offset_at(when) != file.offset_at(when)) {
        FAIL(to_rfc3339(when));
        break;
      }
    }
  }
  SECTION("south of the equator summer spans the year's end; days of the year count both ways") {
    auto south = *time_zone::rule("AEST-10AEDT,M10.1.0,M4.1.0/3");
    CHECK(south.offset_at(std::chrono::floor<std::chrono::seconds>(at("2026-01-01T00:00:00Z"))) == 39600);
    CHECK(south.offset_at(std::chrono::floor<std::chrono::seconds>(at("2026-07-01T00:00:00Z"))) == 36000);
    auto julian = *time_zone::rule("XXX0YYY,J60,364/24");
    CHECK(julian.offset_at(std::chrono::floor<std::chrono::seconds>(at("2028-02-29T12:00:00Z"))) == 0);
    CHECK(julian.offset_at(std::chrono::floor<std::chrono::seconds>(at("2028-03-01T12:00:00Z"))) == 3600);
    CHECK((*time_zone::rule("<-03>3")).offset_at({}) == -10800);
  }
  SECTION("nonsense is refused") {
    for (auto* text : {"", "A1", "CET", "CET-1CEST", "CET-1CEST,M13.1.0,M1.1.0", "CET-1CEST,M3.5.0,M10.5.0/3x", "<ab"})
      CHECK_FALSE(time_zone::rule(text));
    CHECK_FALSE(time_zone::read("TZif"));
    CHECK_FALSE(time_zone::read(std::string(100, '\xff')));
    rc::check([](std::string bytes) { time_zone::read("TZif2" + std::string(15, '\0') + bytes); });
  }
}
