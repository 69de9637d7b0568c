#include "monitors/logs/capture.hpp"
#include "monitors/logs/framing.hpp"
#include "tests/monitors/log_support.hpp"
#include "tests/support/catch.hpp"

#include <atomic>
#include <thread>

using namespace duende;
using namespace log_test;

namespace {

struct fixture {
  explicit fixture(log_spec how = raw_spec()) : spec(std::move(how)) {
    REQUIRE(logs.open(id, "db", spec, dir / "db"));
    logs.attach(id, log_stream::out, out.take_read());
    logs.attach(id, log_stream::err, err.take_read());
  }
  void drain() { log_test::drain(logs, id); }
  std::string text(std::string_view name = "stdout.log") { return joined(dir / "db", name); }

  log_spec spec;
  temp_dir dir;
  test_pipe out, err;
  uuid id = uuid::random();
  log_capture logs{{}};
};

log_spec stamped_spec(std::uint64_t max_bytes = 0, std::uint32_t max_files = 5) {
  auto result = raw_spec(max_bytes, max_files);
  result.timestamps = true;
  return result;
}

std::string without_stamps(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    auto end = std::min(text.find('\n'), text.size() - 1) + 1;
    REQUIRE(end > stamp_size);
    result += text.substr(stamp_size, end - stamp_size);
    text.remove_prefix(end);
  }
  return result;
}

} // namespace

TEST_CASE("both streams arrive in their files", "[F017]") {
  fixture x;
  x.out.put("one\ntwo\nhalf a l");
  x.err.put("oops\n");
  x.drain();
  x.out.put("ine\n");
  x.drain();
  CHECK(x.text() == "one\ntwo\nhalf a line\n");
  CHECK(x.text("stderr.log") == "oops\n");
  CHECK(x.logs.totals(x.id).out.bytes == 20);
  CHECK(x.logs.totals(x.id).err.bytes == 5);
}

TEST_CASE("a silent daemon has no files") {
  fixture x;
  x.drain();
  CHECK(!std::filesystem::exists(x.dir / "db"));
}

TEST_CASE("time stamps lead lines, not pieces of lines", "[F017]") {
  fixture x{stamped_spec()};
  x.out.put("one\nhalf");
  x.drain();
  x.out.put(" and half\n\nlast\n");
  x.drain();
  auto text = x.text();
  CHECK(without_stamps(text) == "one\nhalf and half\n\nlast\n");
  CHECK(parse_rfc3339(text.substr(0, 24)));
}

TEST_CASE("every byte is kept", "[F017]") {
  auto stamped = GENERATE(false, true);
  fixture x{stamped ? stamped_spec() : raw_spec()};
  std::string bytes;
  for (int round = 0; round < 100; ++round)
    for (int c = 0; c < 256; ++c)
      bytes += static_cast<char>((c * 7 + round) & 255);
  bytes += '\n';
  x.out.put(bytes);
  x.drain();
  CHECK((stamped ? without_stamps(x.text()) : x.text()) == bytes);
}

TEST_CASE("rotation keeps as many files as asked for and ends them with a line", "[F018]") {
  auto stamped = GENERATE(false, true);
  fixture x{stamped ? stamped_spec(10'000, 3) : raw_spec(10'000, 3)};
  for (unsigned n = 0; n < 1000; ++n)
    x.out.put(numbered_line(n));
  x.drain();
  auto files = generations(x.dir / "db");
  REQUIRE(files.size() == 3);
  for (auto& path : files) {
    auto text = read_all(path);
    CHECK(text.size() <= 10'000);
    CHECK(text.size() > 9'000 * (path != files.back()));
    CHECK(text.back() == '\n');
  }
  auto text = stamped ? without_stamps(x.text()) : x.text();
  std::string all;
  for (unsigned n = 0; n < 1000; ++n)
    all += numbered_line(n);
  CHECK(all.substr(all.size() - text.size()) == text);
  CHECK(x.logs.totals(x.id).out.rotations > 5);
}

TEST_CASE("one file only is emptied by a rotation", "[F018]") {
  fixture x{raw_spec(1000, 1)};
  for (unsigned n = 0; n < 50; ++n)
    x.out.put(numbered_line(n));
  x.drain();
  CHECK(generations(x.dir / "db").size() == 1);
  CHECK(x.text().size() <= 1000);
}

TEST_CASE("a rotation on demand, a smaller number of files, a file moved away") {
  fixture x{raw_spec(0, 4)};
  for (auto* text : {"a\n", "b\n", "c\n", "d\n"}) {
    x.out.put(text);
    x.drain();
    x.logs.rotate(x.id);
    x.drain(); // the next line might come to the old file else
  }
  CHECK(generations(x.dir / "db").size() == 3);
  REQUIRE(x.logs.open(x.id, "db", raw_spec(0, 2), x.dir / "db"));
  x.out.put("e\n");
  x.drain();
  x.logs.rotate(x.id);
  x.drain();
  CHECK(x.text() == "e\n");
  x.out.put("f\n");
  x.drain();
  std::filesystem::rename(x.dir / "db/stdout.log", x.dir / "db/moved");
  x.logs.reopen(x.id);
  x.drain(); // a call acts on the log thread, which may still be at its turn for "f"
  x.out.put("g\n");
  x.drain();
  CHECK(read_all(x.dir / "db/moved") == "f\n");
  CHECK(x.text() == "e\ng\n");
}

TEST_CASE("a line longer than a file overruns it; one longer still is cut", "[F018]") {
  auto stamped = GENERATE(false, true);
  auto length = GENERATE(5'000u, 200'000u, 5'000'000u);
  CAPTURE(stamped, length);
  fixture x{stamped ? stamped_spec(4'000, 100) : raw_spec(4'000, 100)};
  auto input = "before\n" + std::string(length, 'x') + "\nafter\n";
  x.out.put(input);
  x.drain();
  auto files = generations(x.dir / "db");
  CHECK(files.size() == (length < 1'000'000 ? 3 : 7));
  std::string text;
  for (auto& path : files) {
    CHECK(std::filesystem::file_size(path) <= 4'000 + logs::overrun_limit);
    text += stamped ? without_stamps(read_all(path)) : read_all(path);
  }
  CHECK(text == input);
}

TEST_CASE("what was printed before a new pipe comes before what follows") {
  fixture x;
  test_pipe second;
  x.out.put("first life\n");
  x.logs.attach(x.id, log_stream::out, second.take_read());
  second.put("second life\n");
  x.drain();
  CHECK(x.text() == "first life\nsecond life\n");
}

TEST_CASE("a pipe without writers is let go, and closing keeps what is in it") {
  fixture x;
  x.out.put("end\n");
  x.out.close_write();
  x.err.put("still there\n");
  x.logs.close(x.id);
  x.drain();
  CHECK(x.text() == "end\n");
  CHECK(x.text("stderr.log") == "still there\n");
  CHECK(x.logs.totals(x.id).out.bytes == 0);
}

TEST_CASE("a watch fires once, for a whole line of either stream") {
  auto stamped = GENERATE(false, true);
  fixture x{stamped ? stamped_spec() : raw_spec()};
  std::atomic<int> matches = 0;
  REQUIRE(x.logs.watch(x.id, "^ready .* port [0-9]+$", [&] { ++matches; }));
  x.out.put("starting\nnot ready on port 1\nready on po");
  x.drain();
  x.err.put("rt 7\n");
  x.drain();
  CHECK(matches == 0);
  x.out.put("rt 80\r\nready on port 81\n");
  x.drain();
  CHECK(matches == 1);
  CHECK(
    (stamped ? without_stamps(x.text()) : x.text())
    == "starting\nnot ready on port 1\nready on port 80\r\nready on port 81\n");
}

TEST_CASE("a watch survives lines that would exhaust a backtracking machine") {
  fixture x;
  std::atomic<int> matches = 0;
  REQUIRE(x.logs.watch(x.id, "(a*)*b$", [&] { ++matches; }));
  x.out.put(std::string(3'000, 'a') + "\nb\n");
  x.drain();
  CHECK(matches == 1);
  REQUIRE(x.logs.watch(x.id, "never", [&] { ++matches; }));
  x.logs.unwatch(x.id);
  x.out.put("never\n");
  x.drain();
  CHECK(matches == 1);
  auto bad = x.logs.watch(x.id, "(", [] {});
  REQUIRE(!bad);
  CHECK(code_of(bad.error()) == errc::invalid_config);
}

TEST_CASE("a directory that can't be one is refused") {
  temp_dir dir;
  std::ofstream{dir / "file"} << "x";
  log_capture logs{{}};
  CHECK(!logs.open(uuid::random(), "db", raw_spec(), "relative"));
  CHECK(!logs.open(uuid::random(), "db", raw_spec(), dir / "file"));
}

TEST_CASE("a daemon at full speed leaves others their turns", "[F017]") {
  fixture x;
  test_pipe other;
  auto second = uuid::random();
  REQUIRE(x.logs.open(second, "web", raw_spec(), x.dir / "web"));
  REQUIRE(x.logs.open(x.id, "db", raw_spec(4 << 20, 2), x.dir / "db"));
  x.logs.attach(second, log_stream::out, other.take_read());
  std::atomic<bool> stop = false;
  std::thread loud{[&] {
    std::string block(65536, '\n');
    while (!stop)
      x.out.put(block);
  }};
  for (int i = 0; i < 50; ++i) {
    std::promise<void> seen;
    REQUIRE(x.logs.watch(second, "hello", [&] { seen.set_value(); }));
    log_test::drain(x.logs, second);
    other.put("hello\n");
    REQUIRE(seen.get_future().wait_for(std::chrono::seconds{5}) == std::future_status::ready);
  }
  stop = true;
  loud.join();
}

TEST_CASE("the line that a life leaves open is ended with it, once", "[F017]") {
  auto stamped = GENERATE(false, true);
  fixture x{stamped ? stamped_spec() : raw_spec()};
  auto end = [&] {
    x.logs.end_life(x.id);
    x.drain();
  };
  auto text = [&](std::string_view name = "stdout.log") {
    return stamped ? without_stamps(x.text(name)) : x.text(name);
  };
  end();
  CHECK(generations(x.dir / "db").empty()); // no file is made
  x.out.put("whole\nlast words");
  x.err.put("whole\n");
  end();
  end();
  CHECK(text() == "whole\nlast words\n");
  CHECK(text("stderr.log") == "whole\n");
  x.out.put("first words, ");
  x.drain();
  x.out.put("second words\n");
  x.drain();
  CHECK(text() == "whole\nlast words\nfirst words, second words\n");
  CHECK(x.logs.totals(x.id).out.bytes == 42);
}
