#include "monitors/usage/proc_text.hpp"

#include "tests/support/catch.hpp"

#include <string>

using namespace duende;

TEST_CASE("pressure is read with both lines, or with one") {
  const std::string text = "some avg10=1.25 avg60=0.50 avg300=12.00 total=123456\n"
                           "full avg10=0.05 avg60=0.00 avg300=100.00 total=99\n";
  const auto both = parse_pressure(text);
  REQUIRE(both);
  CHECK(both->some_10s == Approx(1.25));
  CHECK(both->some_60s == Approx(0.5));
  CHECK(both->some_300s == Approx(12));
  CHECK(both->some_us == 123456);
  CHECK(both->full_10s == Approx(0.05));
  CHECK(both->full_300s == Approx(100));
  CHECK(both->full_us == 99);
  const auto one = parse_pressure(text.substr(0, text.find('\n') + 1));
  REQUIRE(one);
  CHECK(one->full_us == 0);
  for (std::string bad :
       {"", "some", "some avg10=1 avg60=0.50 avg300=1.00 total=1", "some avg10=1.2 avg60=0.50 avg300=1.00 total=1",
        "full avg10=1.25 avg60=0.50 avg300=1.00 total=1", "some avg10=1.25 avg60=0.50 avg300=1.00 total=x",
        "some avg10=1.25 avg60=0.50 avg300=1.00 total=1\nfull"})
    CHECK_FALSE(parse_pressure(bad));
}

TEST_CASE("small files of numbers are read strictly") {
  CHECK(parse_proc_memory("10 20 30 1 0 2 0\n")->resident == 20);
  CHECK_FALSE(parse_proc_memory("10 20"));
  CHECK_FALSE(parse_proc_memory("10 x 30"));
  CHECK(parse_proc_schedule("1 2 3\n")->slices == 3);
  CHECK_FALSE(parse_proc_schedule("1 2"));
  const auto io = parse_proc_io("rchar: 1\nwchar: 2\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 5\n");
  REQUIRE(io);
  CHECK(io->read_bytes == 4096);
  CHECK(io->written_bytes == 8192); // and not what was cancelled
  CHECK_FALSE(parse_proc_io("read_bytes: 1\n"));
  CHECK(number_after("usage_usec 17\nuser_usec 9\n", "user_usec") == 9);
  CHECK_FALSE(number_after("usage_usec 17\n", "usage"));
  CHECK_FALSE(number_after("usage_usec\n", "usage_usec"));
  CHECK(whole_number("123\n") == 123);
  CHECK_FALSE(whole_number("max\n"));
  CHECK_FALSE(whole_number(""));
}
