// What daemons write arrives: whole, in order, in bounded files.
#include "tests/support/catch.hpp"
#include "tests/system/node.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>

using namespace duende::test;
namespace fs = std::filesystem;

namespace {

std::string lines(const std::string& name, long count, const std::string& logs) {
  return "[[daemon]]\nname = \"" + name + "\"\ncommand = \"@WORKER@ @DIR@/" + name + " lines " + std::to_string(count)
         + "\"\n[daemon.logs]\ndir = \"@DIR@/logs-" + name + "\"\n" + logs;
}

std::vector<fs::path> files_of(const std::string& dir) {
  std::vector<std::pair<fs::file_time_type, fs::path>> found;
  std::error_code gone; // rotated away while this looks
  for (auto& entry : fs::directory_iterator(dir, gone))
    if (entry.is_regular_file(gone))
      if (auto at = fs::last_write_time(entry.path(), gone); !gone)
        found.emplace_back(at, entry.path());
  std::sort(found.begin(), found.end());
  std::vector<fs::path> result;
  for (auto& [at, path] : found)
    result.push_back(path);
  return result;
}

/// The numbers of "line N ---" over all files, oldest first; a line of another form is torn.
std::vector<long> numbers_of(const std::string& dir, long& torn) {
  std::vector<long> result;
  torn = 0;
  for (auto& file : files_of(dir)) {
    for (auto& line : lines_of(read_file(file))) {
      auto at = line.find("line ");
      if (at == std::string::npos || line.size() < at + 70 || line.back() != '-')
        ++torn;
      else
        result.push_back(std::atol(line.c_str() + at + 5));
    }
  }
  return result;
}

} // namespace

TEST_CASE("every line written is found, in order", "[F017]") {
  auto plain = GENERATE(true, false);
  node n{lines("w", 50000, std::string{"max_bytes = \"512MiB\"\ntimestamps = "} + (plain ? "false" : "true") + "\n")};
  long torn = 0;
  n.until(
    "all lines are there", [&] { return numbers_of(n.path("logs-w"), torn).size() >= 50000; }, 30);
  auto numbers = numbers_of(n.path("logs-w"), torn);
  CHECK(torn == 0);
  REQUIRE(numbers.size() == 50000);
  for (std::size_t i = 0; i < numbers.size(); ++i)
    if (numbers[i] != static_cast<long>(i) + 1)
      FAIL("line " << i + 1 << " is " << numbers[i]);
  auto tail = n.cli({"logs", "w", "-n", "3"});
  CHECK(tail.status == 0);
  CHECK(lines_of(tail.out).size() == 3);
  CHECK_THAT(tail.out, Contains("line 50000"));
}

TEST_CASE("logs rotate by size: no line lost or torn, old files kept up to the limit", "[F018]") {
  SECTION("all kept") {
    node n{lines("w", 100000, "max_bytes = \"1MiB\"\nmax_files = 40\ntimestamps = false\n")};
    long torn = 0;
    n.until(
      "the last line is there",
      [&] {
        auto numbers = numbers_of(n.path("logs-w"), torn);
        return numbers.size() >= 100000;
      },
      30);
    CHECK(torn == 0);
    auto numbers = numbers_of(n.path("logs-w"), torn);
    std::sort(numbers.begin(), numbers.end());
    CHECK(std::adjacent_find(numbers.begin(), numbers.end()) == numbers.end());
    CHECK(numbers.back() == 100000);
    for (auto& file : files_of(n.path("logs-w")))
      CHECK(fs::file_size(file) <= (1u << 20) + 4096);
  }
  SECTION("the oldest go") {
    node n{lines("w", 100000, "max_bytes = \"1MiB\"\nmax_files = 3\ntimestamps = false\n")};
    long torn = 0;
    n.until(
      "the last line is there",
      [&] {
        auto numbers = numbers_of(n.path("logs-w"), torn);
        return std::find(numbers.begin(), numbers.end(), 100000) != numbers.end();
      },
      30);
    std::size_t with_lines = 0;
    for (auto& file : files_of(n.path("logs-w")))
      with_lines += fs::file_size(file) > 0;
    CHECK(with_lines <= 3);
    CHECK(torn == 0);
    auto numbers = numbers_of(n.path("logs-w"), torn);
    std::sort(numbers.begin(), numbers.end());
    // The rest is one run without a gap up to the end.
    CHECK(numbers.back() - numbers.front() + 1 == static_cast<long>(numbers.size()));
  }
}

TEST_CASE("a daemon that writes at full speed slows nobody else") {
  node n{
    "[[daemon]]\nname = \"loud\"\nbinary_path = \"/usr/bin/yes\"\n[daemon.logs]\nmax_bytes = \"8MiB\"\nmax_files = 2\n"
    "[[daemon]]\nname = \"w\"\ncommand = \"@WORKER@ @DIR@/w gentle\"\n"};
  n.until_state("loud", "running");
  n.until_state("w", "running");
  std::vector<double> times;
  for (int i = 0; i < 20; ++i) {
    auto begin = monotonic_ns();
    REQUIRE(n.post("/v1/daemons/w/restart").status == 200);
    times.push_back(static_cast<double>(monotonic_ns() - begin) / 1e6);
  }
  WARN("restart beside a loud daemon: p95 " << quantile(times, 0.95) << " ms");
  CHECK(quantile(times, 0.95) < 250);
}

TEST_CASE("logs name their daemon where there are several") {
  node n{lines("a", 2, "") + lines("b", 2, "")};
  n.until("both wrote", [&] {
    auto text = n.cli({"logs", "a", "b"}).out;
    return text.find("line 2") != text.rfind("line 2");
  });
  for (auto& line : lines_of(n.cli({"logs", "a", "b"}).out)) {
    INFO(line);
    CHECK((line[0] == 'a' || line[0] == 'b'));
  }
}

TEST_CASE("the last words before a death are shown, and the next life's first line is its own", "[F017]") {
  auto stamped = GENERATE(true, false);
  node n{
    std::string{
      "[[daemon]]\nname = \"w\"\nsupervisor = \"s\"\nbinary_path = \"/bin/sh\"\nargs = [\"-c\", \"echo begins; printf "
      "last-words; "
      "printf last-error >&2; test -e @DIR@/stay && sleep 1000; exit 1\"]\nrestart = { policy = \"always\", next_delay "
      "= \"20ms\", max_delay = \"20ms\" }\n[daemon.logs]\ndir = \"@DIR@/logs-w\"\ntimestamps = "}
    + (stamped ? "true" : "false")
    + "\n[[supervisor]]\nname = \"s\"\nintensity = { restarts = 1000, window = \"1s\" }\n"};
  n.until("it lived some times", [&] { return n.ps("w")["restarts"].get<int>() >= 12; });
  write_file(n.path("stay"), "");
  n.until_state("w", "running");
  n.until("the open line is shown", [&] {
    return n.cli({"logs", "w", "-n", "1"}).out.find("last-") != std::string::npos;
  });
  auto file = lines_of(read_file(n.path("logs-w/stdout.log")));
  std::size_t at = 0;
  for (const auto& line : file) {
    INFO(line);
    const std::string wanted = at++ % 2 == 0 ? "begins" : "last-words";
    CHECK((stamped ? line.substr(25) : line) == wanted);
  }
  CHECK(at >= 24);
  for (const auto& line : lines_of(read_file(n.path("logs-w/stderr.log"))))
    CHECK((stamped ? line.substr(25) : line) == "last-error");
}

TEST_CASE("ps --watch goes on with a node that crashed") {
  node n{"[[daemon]]\nname = \"w\"\ncommand = \"@WORKER@ @DIR@/w\"\n"};
  n.until_state("w", "running");
  auto shown = n.path("shown"), pid = n.path("pid");
  REQUIRE(
    run({"sh", "-c", "\"$@\" >" + shown + " 2>&1 & echo $! >" + pid, "sh", n.duende(), "--socket", n.socket(), "ps",
         "--watch", "--json"})
      .status
    == 0);
  n.until("it shows", [&] { return read_file(shown).find("running") != std::string::npos; });
  auto old = n.pid_of("duended");
  kill(old, SIGKILL);
  n.until_state("w", "running", 20);
  REQUIRE(n.cli({"stop", "w"}).status == 0);
  n.until("it shows what happened after the crash", [&] {
    return read_file(shown).find("\"stopped\"") != std::string::npos;
  });
  CHECK(read_file(shown).find("has ended") == std::string::npos);
  kill(static_cast<pid_t>(std::stol(read_file(pid))), SIGTERM);
}

TEST_CASE("a follower from a time on misses nothing between what is stored and what comes") {
  constexpr long count = 200'000; // it goes on while the follower begins
  node n{lines("w", count, "max_bytes = \"512MiB\"\n")};
  long torn = 0;
  n.until("it writes", [&] { return numbers_of(n.path("logs-w"), torn).size() > 1000; });
  scratch dir;
  background follower{
    {program("duende"), "--socket", n.socket(), "logs", "-f", "--since", "1h", "w"}, dir.path("shown")};
  auto shown = [&] { return lines_of(read_file(dir.path("shown"))); };
  n.until(
    "the last line is shown",
    [&] {
      auto now = shown();
      return !now.empty() && now.back().find("line " + std::to_string(count) + " ") != std::string::npos;
    },
    60);
  long expected = 0;
  for (auto& line : shown())
    if (auto at = line.find("line "); at == std::string::npos || std::atol(line.c_str() + at + 5) != ++expected) {
      FAIL("line " << expected << " is missing or torn: " << line);
    }
  CHECK(expected == count);
  auto none = n.cli({"logs", "-f", "--since", "yesterday", "w"});
  CHECK(none.status == 2);
  CHECK(none.err.find("--since: expected a time like") != std::string::npos);
}
