#include "monitors/logs/reader.hpp"

#include "tests/monitors/log_support.hpp"
#include "tests/support/catch.hpp"

#include <thread>

using namespace duende;
using namespace log_test;
using namespace std::chrono_literals;

namespace {

void write(const std::string& path, std::string_view text) { std::ofstream{path, std::ios::app} << text; }

std::vector<std::string> texts(const std::vector<log_line>& lines) {
  std::vector<std::string> result;
  for (auto& x : lines)
    result.push_back(x.text);
  return result;
}

using strings = std::vector<std::string>;

} // namespace

TEST_CASE("a tail reaches back over rotated files") {
  temp_dir dir;
  write(dir / "stdout.log.2", "1\n2\n");
  write(dir / "stdout.log.1", "3\n");
  write(dir / "stdout.log", "4\n5\nhalf");
  log_reader x{dir.path, false, true};
  CHECK(texts(x.tail(2)) == strings{"4", "5"});
  CHECK(texts(x.tail(4)) == strings{"2", "3", "4", "5"});
  CHECK(texts(x.tail(100)) == strings{"1", "2", "3", "4", "5"});
  CHECK(texts(x.tail(0)) == strings{"1", "2", "3", "4", "5"});
  write(dir / "stdout.log", " and half\n");
  std::vector<log_line> more;
  REQUIRE(x.next(more, 1s));
  CHECK(texts(more) == strings{"half and half"});
}

TEST_CASE("streams are merged by time, and old lines left out") {
  temp_dir dir;
  write(dir / "stdout.log", "2026-01-31T12:00:00.100Z a\n2026-01-31T12:00:00.300Z c\nno stamp\n");
  write(dir / "stderr.log", "2026-01-31T12:00:00.200Z b\n2026-01-31T12:00:00.400Z d\n");
  log_reader x{dir.path, true, false};
  auto lines = x.tail(0);
  CHECK(texts(lines) == strings{"a", "b", "c", "no stamp", "d"});
  CHECK(lines[1].stream == log_stream::err);
  CHECK(to_rfc3339(*lines[1].at) == "2026-01-31T12:00:00.200Z");
  CHECK(texts(x.tail(2)) == strings{"no stamp", "d"});
  CHECK(texts(x.tail(0, parse_rfc3339("2026-01-31T12:00:00.300Z"))) == strings{"c", "no stamp", "d"});
}

TEST_CASE("following crosses rotations without losing or repeating a line", "[F018]") {
  auto stamped = GENERATE(false, true);
  temp_dir dir;
  log_capture logs{{}};
  test_pipe pipe;
  auto id = uuid::random();
  auto spec = raw_spec(20'000, 10'000);
  spec.timestamps = stamped;
  log_reader x{dir / "later/db", stamped, false};
  REQUIRE(logs.open(id, "db", spec, dir / "later/db"));
  logs.attach(id, log_stream::out, pipe.take_read());
  constexpr unsigned count = 15'000;
  std::thread writer{[&] {
    for (unsigned n = 0; n < count; ++n)
      pipe.put(numbered_line(n));
  }};
  unsigned seen = 0, wrong = 0;
  std::vector<log_line> lines;
  while (seen < count && x.next(lines, 10s) && !lines.empty()) {
    for (auto& line : lines)
      wrong += line.text + '\n' != numbered_line(seen++);
    lines.clear();
  }
  writer.join();
  CHECK(seen == count);
  CHECK(wrong == 0);
  CHECK(generations(dir / "later/db").size() > 50);
}

TEST_CASE("following begins where the tail ended") {
  temp_dir dir;
  log_reader x{dir.path, false, false};
  CHECK(x.tail(10).empty());
  write(dir / "stdout.log", "a\n");
  std::vector<log_line> lines;
  REQUIRE(x.next(lines, 1s));
  CHECK(texts(lines) == strings{"a"});
  write(dir / "stderr.log", "b\n");
  write(dir / "stdout.log", "c\n");
  x.skip_to_end();
  lines.clear();
  REQUIRE(x.next(lines, 0s));
  CHECK(lines.empty());
  std::filesystem::rename(dir / "stdout.log", dir / "stdout.log.1");
  write(dir / "stdout.log", "d\n");
  REQUIRE(x.next(lines, 1s));
  CHECK(texts(lines) == strings{"d"});
}

TEST_CASE("a waiting reader can be cancelled") {
  temp_dir dir;
  log_reader x{dir.path, false, false};
  std::thread other{[&] { x.cancel(); }};
  std::vector<log_line> lines;
  CHECK(!x.next(lines, 1h));
  CHECK(!x.next(lines, 1h));
  other.join();
}

TEST_CASE("a folder that is deleted and made again is followed") {
  temp_dir dir;
  log_reader x{dir / "db", false, true};
  std::vector<log_line> lines;
  for (auto* text : {"one", "two"}) {
    std::filesystem::create_directory(dir / "db");
    write(dir / "db/stdout.log", std::string{text} + "\n");
    lines.clear();
    REQUIRE(x.next(lines, 1s));
    CHECK(texts(lines) == strings{text});
    std::filesystem::remove_all(dir / "db");
    REQUIRE(x.next(lines, 0s));
  }
}
