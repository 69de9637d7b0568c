#include "actors/life_record.hpp"
#include "tests/support/catch.hpp"

#include <rapidcheck.h>

using namespace duende;

namespace {

life_record any_record() {
  life_record r;
  r.ready = *rc::gen::arbitrary<bool>();
  r.wanted = *rc::gen::element(intent::run, intent::stop, intent::restart);
  r.incarnation = *rc::gen::arbitrary<std::uint32_t>();
  r.restarts = *rc::gen::arbitrary<std::uint64_t>();
  r.streak = *rc::gen::arbitrary<std::uint32_t>();
  r.started_at = wall_time{std::chrono::milliseconds{*rc::gen::arbitrary<std::int64_t>()}};
  for (auto at : *rc::gen::container<std::vector<std::int64_t>>(rc::gen::arbitrary<std::int64_t>()))
    if (r.recent.size() < life_record::max_recent)
      r.recent.emplace_back(duration{at});
  r.name = *rc::gen::arbitrary<std::string>();
  return r;
}

} // namespace

TEST_CASE("a life record survives its printed form", "[life_record]") {
  REQUIRE(rc::check("round trip", [] {
    auto record = any_record();
    auto back = parse_life_record(to_text(record));
    RC_ASSERT(back.has_value());
    RC_ASSERT(*back == record);
  }));
}

TEST_CASE("marking readiness changes nothing else", "[life_record]") {
  REQUIRE(rc::check("mark_ready", [] {
    auto record = any_record();
    auto text = to_text(record);
    mark_ready(text);
    record.ready = true;
    RC_ASSERT(parse_life_record(text) == record);
  }));
  std::string empty;
  mark_ready(empty);
  CHECK(empty.empty());
}

TEST_CASE("of many restarts the newest are written down", "[life_record]") {
  life_record record;
  for (int i = 0; i < 1000; ++i)
    record.recent.emplace_back(duration{i});
  auto back = parse_life_record(to_text(record));
  REQUIRE(back);
  REQUIRE(back->recent.size() == life_record::max_recent);
  CHECK(back->recent.back() == instant{duration{999}});
  CHECK(back->recent.front() == instant{duration{1000 - life_record::max_recent}});
}

TEST_CASE("the longest record fits the keeper's 4 KiB", "[life_record]") {
  life_record record;
  record.incarnation = record.streak = UINT32_MAX;
  record.restarts = UINT64_MAX;
  record.started_at = wall_time::min();
  record.recent.assign(life_record::max_recent, instant::min());
  record.name.assign(255, 'n');
  CHECK(to_text(record).size() <= 4096);
}

TEST_CASE("what is no life record is refused", "[life_record]") {
  for (auto* text :
       {"", " ", "1", "x", "1 2 0 1 0 0 0 0 d", "1 1 3 1 0 0 0 0 d", "1 1 -1 1 0 0 0 0 d", "1 1 0 -1 0 0 0 0 d",
        "1 1 0 99999999999 0 0 0 0 d", "1 1 0 1 0 0 0 33 d", "1 1 0 1 0 0 0 2 5 d", "1 1 0 1 0 0 0 x d",
        "1  1 0 1 0 0 0 0 d", "1 1 0 1 0 0 0", "1 1 0 1 0 0 0 18446744073709551616 d"})
    CHECK_FALSE(parse_life_record(text).has_value());
}

TEST_CASE("any bytes are read or refused", "[life_record]") {
  REQUIRE(rc::check("total", [](const std::string& bytes) { (void)parse_life_record(bytes); }));
  REQUIRE(rc::check("total on damaged records", [] {
    auto text = to_text(any_record());
    auto at = *rc::gen::inRange<std::size_t>(0, text.size());
    if (*rc::gen::arbitrary<bool>())
      text.resize(at);
    else
      text[at] = *rc::gen::arbitrary<char>();
    if (auto back = parse_life_record(text))
      RC_ASSERT(back->recent.size() <= life_record::max_recent);
  }));
}
