// Crash reports: the last lines, the core, the folder with its bound.
#include "monitors/crashes/core_file.hpp"
#include "monitors/crashes/crash_store.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

#include <nlohmann/json.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

using namespace duende;
using namespace duende::test;
using namespace std::chrono_literals;

namespace {

void put(const std::string& path, const std::string& text) { std::ofstream{path, std::ios::binary} << text; }

std::string words_of(const std::vector<crash_line>& lines) {
  std::string text;
  for (auto& each : lines)
    text += (text.empty() ? "" : "|") + each.text;
  return text;
}

crash_report report_of(const std::string& daemon, std::uint32_t incarnation, wall_time at = wall_now()) {
  crash_report r;
  r.daemon = daemon;
  r.incarnation = incarnation;
  r.reason = exit_reason::signal(11);
  r.ended_at = at;
  return r;
}

} // namespace

TEST_CASE("the last lines of both streams, in the order in which they came") {
  temp_dir dir;
  put(dir / "stdout.log", "2026-01-31T12:00:00.001Z a\n2026-01-31T12:00:00.003Z c\n2026-01-31T12:00:00.005Z cut");
  put(dir / "stderr.log", "2026-01-31T12:00:00.002Z b\n2026-01-31T12:00:00.004Z d\n");
  log_ends ends{dir.path()};
  put(dir / "stdout.log.new", "");
  std::ofstream{dir / "stdout.log", std::ios::app} << "\n2026-01-31T12:00:00.006Z the next life\n";
  auto lines = ends.read(true, 100, 10'000);
  CHECK(words_of(lines) == "a|b|c|d|cut");
  CHECK(lines[1].at == "2026-01-31T12:00:00.002Z");
  CHECK(lines[1].stream == log_stream::err);
  CHECK(words_of(ends.read(true, 2, 10'000)) == "d|cut");
  CHECK(words_of(ends.read(true, 100, 2)) == "d"); // bytes are bounded, too
  CHECK(words_of(ends.read(false, 1, 10'000)) == "2026-01-31T12:00:00.004Z d");
}

TEST_CASE("lines of the file before a rotation count, and long ones are cut") {
  temp_dir dir;
  put(dir / "stdout.log.1", "one\ntwo\n");
  put(dir / "stdout.log", "three\n");
  log_ends ends{dir.path()};
  std::filesystem::rename(dir / "stdout.log", dir / "stdout.log.9"); // what is open stays
  CHECK(words_of(ends.read(false, 100, 1000)) == "one|two|three");
  CHECK(words_of(ends.read(false, 2, 1000)) == "two|three");
  CHECK(words_of(ends.read(false, 100, 11)) == "two|three");
  put(dir / "stdout.log", std::string(100'000, 'x'));
  auto one = log_ends{dir.path()}.read(false, 100, 1000);
  REQUIRE(one.size() == 1);
  CHECK(one[0].text == std::string(1000, 'x'));
  CHECK(log_ends{dir / "nowhere"}.read(true, 100, 1000).empty());
}

TEST_CASE("where a core is, by the kernel's pattern") {
  temp_dir dir;
  core_facts facts{4711, 11, dir.path(), wall_now() - 1s};
  auto none = find_core(facts, "core.%e.%p", false);
  CHECK(none.path.empty());
  CHECK(none.text == "not found as '" + dir.path() + "/core.*.4711'");
  put(dir / "core.web.4711", "x");
  put(dir / "core.web.47110", "x");
  CHECK(find_core(facts, "core.%e.%p", false).path == dir / "core.web.4711");
  CHECK(find_core(facts, dir.path() + "/core.%e.%p", false).path == dir / "core.web.4711");
  put(dir / "core.4711", "x");
  CHECK(find_core(facts, "core", true).path == dir / "core.4711");
  CHECK(find_core(facts, "core", false).text == "not found as '" + dir.path() + "/core'");
  put(dir / "100%.11.1795429893.0", "x");
  CHECK(find_core(facts, "100%%.%s.%t.%u%", false).path == dir / "100%.11.1795429893.0");
  facts.started_at = wall_now() + 1h;
  CHECK(find_core(facts, "core.%e.%p", false).path.empty()); // somebody's, from before
  CHECK(find_core(facts, "|/lib/systemd/systemd-coredump %P %u", false).text == "coredumpctl info 4711");
  CHECK(find_core(facts, "|/usr/share/apport/apport %p", false).text == "apport has it, see /var/crash");
  CHECK(find_core(facts, "|/opt/cores --pid=%p", false).text == "given to '/opt/cores'");
  put(dir / "co[re", "x");
  facts.started_at = {};
  CHECK(find_core(facts, "co[re", false).path == dir / "co[re"); // no wildcard
}

TEST_CASE("the newest reports stay, private to their owner") {
  temp_dir dir;
  const auto folder = dir / "crashes";
  crash_store store{folder};
  auto at = wall_now();
  for (std::uint32_t i = 1; i <= 5; ++i) {
    auto r = report_of("web", i, at + i * 1s);
    r.keep = 3;
    store.submit(std::move(r));
  }
  store.submit(report_of("db", 1));
  REQUIRE(store.flush(10s));
  auto ids = list_crashes(folder, "web");
  REQUIRE(ids.size() == 3);
  CHECK(ids[0].ends_with("-3"));
  CHECK(list_crashes(folder, "db").size() == 1);
  CHECK(list_crashes(folder, "nobody").empty());
  struct stat info {};
  REQUIRE(stat(crash_path(folder, "web", ids[2]).c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  auto text = read_crash(folder, "web", ids[2]);
  REQUIRE(text);
  auto report = nlohmann::json::parse(*text);
  CHECK(report["text"] == "killed by SIGSEGV");
  CHECK(report["incarnation"] == 5);
  CHECK_FALSE(read_crash(folder, "web", "../../etc/passwd"));
  CHECK_FALSE(read_crash(folder, "web", "20260101T000000.000Z-1"));
}

TEST_CASE("a report that is written after the clock was set back stays, and those of the future go first") {
  temp_dir dir;
  const auto folder = dir / "crashes";
  crash_store store{folder};
  auto at = wall_now();
  auto write = [&](std::uint32_t number, wall_time when) {
    auto r = report_of("web", number, when);
    r.keep = 3;
    store.submit(std::move(r));
    REQUIRE(store.flush(10s));
    std::string left;
    for (const auto& id : list_crashes(folder, "web"))
      left += id.substr(id.rfind('-'));
    return left;
  };
  for (std::uint32_t i = 1; i <= 3; ++i)
    write(i, at + i * 1s);
  CHECK(write(4, at - 1h) == "-4-2-3");
  CHECK(write(5, at - 1h + 1s) == "-4-5-3");
  CHECK(write(6, at - 1h + 2s) == "-4-5-6");
  CHECK(write(7, at - 1h + 3s) == "-5-6-7");
}

TEST_CASE("one report in ten seconds, the others are counted") {
  temp_dir dir;
  crash_store store{dir / "crashes"};
  auto a = uuid::random(), b = uuid::random();
  instant now = monotonic_now();
  CHECK(store.admit(a, now, false) == 0u);
  CHECK_FALSE(store.admit(a, now + 1s, false));
  CHECK(store.admit(b, now + 1s, false) == 0u);
  CHECK_FALSE(store.admit(a, now + 9s, false));
  CHECK(store.admit(a, now + 9s, true) == 2u); // the last one before a give-up
  CHECK_FALSE(store.admit(a, now + 10s, false));
  CHECK(store.admit(a, now + 19s, false) == 1u);
}

TEST_CASE("a folder that can't be written is told once") {
  temp_dir dir;
  put(dir / "crashes", "a file");
  std::vector<std::string> told;
  crash_store store{dir / "crashes", [&](std::string text) { told.push_back(std::move(text)); }};
  store.submit(report_of("web", 1));
  store.submit(report_of("web", 2));
  REQUIRE(store.flush(10s));
  REQUIRE(told.size() == 1);
  CHECK_THAT(told[0], Contains("cannot write crash report") && Contains(dir / "crashes/web/"));
}

TEST_CASE("a report carries what is no UTF-8 as far as JSON can") {
  temp_dir dir;
  put(dir / "stdout.log", "caf\xe9\n");
  auto r = report_of("web", 1);
  r.logs = log_ends{dir.path()};
  r.reason.core_dumped = true;
  r.working_dir = dir.path();
  auto report = nlohmann::json::parse(to_json(r));
  CHECK(report["log_lines"][0]["text"] == "caf\xef\xbf\xbd");
  CHECK(report["core"]["path"].is_null());
}
