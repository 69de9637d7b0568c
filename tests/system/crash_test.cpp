// The node killed at each named point of its code, while it starts, restarts, stops and writes logs. Needs programs built with
// DUENDE_CRASH_POINTS, such as the sanitizer builds': DUENDE_BIN names their folder.
#include "tests/support/catch.hpp"
#include "tests/system/node.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <sstream>

using namespace duende::test;
namespace fs = std::filesystem;

namespace {

constexpr long line_count = 20000;

std::string worker_named(const std::string& name, const std::string& mode, const std::string& more = {}) {
  return "[[daemon]]\nname = \"" + name + "\"\ncommand = \"@WORKER@ @DIR@/" + name + " " + mode + "\"\n" + more;
}

std::vector<std::string> points() {
  std::vector<std::string> result;
  std::istringstream in{DUENDE_CRASH_NAMES};
  for (std::string name; std::getline(in, name, ',');)
    result.push_back(name);
  return result;
}

long living(const node& n, const std::string& name) {
  auto all = records(n.path(name));
  return std::count_if(all.begin(), all.end(), [](auto& each) { return alive(each.pid); });
}

std::vector<long> lines_written(const node& n) {
  std::vector<long> result;
  std::error_code ignored;
  for (auto& entry : fs::directory_iterator(n.path("logs"), ignored)) {
    if (!entry.is_regular_file())
      continue;
    for (auto& line : lines_of(read_file(entry.path())))
      if (line.compare(0, 5, "line ") == 0)
        result.push_back(std::atol(line.c_str() + 5));
  }
  std::sort(result.begin(), result.end());
  return result;
}

} // namespace

TEST_CASE("the node dies at any point: nothing lost, nothing doubled") {
  auto name = GENERATE(from_range(points()));
  auto passage = GENERATE(1, 3);
  INFO("crash point " << name << ":" << passage);
  auto stack = worker_named("base", "idle") + worker_named("victim", "idle") + worker_named("stopper", "gentle")
               + worker_named("restarter", "gentle")
               + worker_named(
                 "talker", "lines " + std::to_string(line_count),
                 "[daemon.logs]\ndir = \"@DIR@/logs\"\nmax_bytes = \"256KiB\"\nmax_files = 100\ntimestamps = false\n");
  node n{
    stack,
    {.name = "test",
     .prefix = {},
     .env = {{"DUENDE_CRASH_POINT", name + ":" + std::to_string(passage)}, {"DUENDE_CRASH_ONCE", "@DIR@/crashed"}}}};
  for (auto daemon : {"base", "victim", "stopper", "restarter", "talker"})
    n.until_state(daemon, "running", 30);
  auto base = n.pid_of_daemon("base"), victim = n.pid_of_daemon("victim");
  kill(victim, SIGKILL);
  n.until(
    "the victim has a successor", [&] { return n.state("victim") == "running" && n.pid_of_daemon("victim") != victim; },
    30);
  // The answer may be lost with the node; the wish must not, or be asked again.
  n.until(
    "the stopper is stopped",
    [&] {
      n.post("/v1/daemons/stopper/stop");
      return n.state("stopper") == "stopped";
    },
    30);
  n.post("/v1/daemons/restarter/restart");
  n.until(
    "the restarter runs", [&] { return n.state("restarter") == "running"; }, 30);
  n.until(
    "every line is there", [&] { return static_cast<long>(lines_written(n).size()) >= line_count; }, 30);

  for (auto late : {"first", "second", "third"}) { // each changes the stack
    n.rewrite_stack(stack += worker_named(late, "idle"));
    n.until(
      std::string{late} + " is applied",
      [&] {
        return n.state(late) == "running" || (n.cli({"apply", "-f", n.path("duende.toml")}), false);
      },
      30);
  }

  if (!fs::exists(n.path("crashed")))
    WARN(name << ":" << passage << " was not passed");
  CHECK(n.pid_of_daemon("base") == base);
  CHECK(records(n.path("base")).size() == 1);
  CHECK(living(n, "victim") == 1);
  CHECK(living(n, "stopper") == 0);
  CHECK(living(n, "restarter") == 1);
  CHECK(records(n.path("talker")).size() == 1);
  for (auto late : {"first", "second", "third"})
    CHECK(living(n, late) == 1);
  auto lines = lines_written(n);
  CHECK(static_cast<long>(lines.size()) == line_count);
  CHECK(std::adjacent_find(lines.begin(), lines.end()) == lines.end());
}
