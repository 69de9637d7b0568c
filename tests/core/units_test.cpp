#include "core/units.hpp"

#include "core/errc.hpp"
#include "tests/support/catch.hpp"

#include <rapidcheck.h>

#include <limits>

using namespace duende;
using namespace std::chrono_literals;

TEST_CASE("sizes read as written") {
  struct row {
    const char* text;
    std::uint64_t bytes;
  };
  for (auto [text, bytes] : std::initializer_list<row>{
         {"0", 0},
         {"65536", 65536},
         {"64B", 64},
         {"64K", 65536},
         {"64KiB", 65536},
         {"64KB", 64000},
         {"512MiB", 512ull << 20},
         {"1GB", 1'000'000'000},
         {"1.5GiB", 3ull << 29},
         {"1T", 1ull << 40},
         {"0.5K", 512},
         {"18446744073709551615", std::numeric_limits<std::uint64_t>::max()}}) {
    INFO(text);
    auto read = parse_bytes(text);
    REQUIRE(read);
    CHECK(*read == bytes);
  }
}

TEST_CASE("what is no size is refused with the accepted forms") {
  for (auto text :
       {"", "x", "-1", "1.5", "1.", ".5K", "1 KiB", "1k", "1PiB", "18446744073709551616", "17000000T", "1e3"}) {
    INFO(text);
    auto read = parse_bytes(text);
    REQUIRE_FALSE(read);
    CHECK(code_of(read.error()) == errc::invalid_config);
    CHECK_THAT(sentence(read.error()), Contains(text) && Contains("512MiB"));
  }
}

TEST_CASE("durations read as written") {
  struct row {
    const char* text;
    duration value;
  };
  for (auto [text, value] : std::initializer_list<row>{
         {"0", 0s},
         {"0s", 0s},
         {"250ms", 250ms},
         {"1h30m", 90min},
         {"1.5s", 1500ms},
         {"7d", 168h},
         {"1us1ns", 1001ns},
         {"36525d", 876600h}}) {
    INFO(text);
    auto read = parse_duration(text);
    REQUIRE(read);
    CHECK(*read == value);
  }
}

TEST_CASE("what is no duration is refused") {
  for (auto text :
       {"", "5", "-1s", "1m1h", "1s1s", "s", "1 s", "1S", "1sec", "36526d", "99999999999999999999s", "1..5s", "1s "}) {
    INFO(text);
    CHECK_FALSE(parse_duration(text));
  }
}

TEST_CASE("exact forms read back equal") {
  rc::check("size", [](std::uint64_t bytes) {
    auto back = parse_bytes(format_bytes(bytes));
    RC_ASSERT(back);
    RC_ASSERT(*back == bytes);
  });
  rc::check("duration", [] {
    duration value{*rc::gen::inRange<std::int64_t>(0, 3'155'760'000'000'000'000)};
    auto back = parse_duration(format_duration(value));
    RC_ASSERT(back);
    RC_ASSERT(*back == value);
  });
}

TEST_CASE("forms for people") {
  CHECK(format_bytes(67108864) == "64MiB");
  CHECK(format_bytes(1500) == "1500B");
  CHECK(format_bytes(0) == "0B");
  CHECK(human_bytes(0) == "0 B");
  CHECK(human_bytes(13107200) == "12.5 MiB");
  CHECK(human_bytes(1023) == "1 KiB");
  CHECK(format_duration(90min) == "1h30m");
  CHECK(format_duration(250ms) == "250ms");
  CHECK(format_duration(0s) == "0s");
  CHECK(human_duration(192s) == "3m 12s");
  CHECK(human_duration(12500ms) == "12.5s");
  CHECK(human_duration(250ms) == "250ms");
  CHECK(human_duration(59990ms) == "1m");
  CHECK(human_duration(1234567ns) == "1.23ms");
  CHECK(human_duration(26h) == "1d 2h");
  CHECK(human_duration(0s) == "0s");
}
