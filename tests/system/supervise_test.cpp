// Supervision against real processes: strategies, intensity, escalation, dependencies, and commands that cross.
#include "tests/support/catch.hpp"
#include "tests/system/node.hpp"

#include <csignal>

#include <algorithm>
#include <thread>

using namespace duende::test;

namespace {

std::string daemon(const std::string& name, const std::string& more = {}, const std::string& mode = "gentle") {
  return "[[daemon]]\nname = \"" + name + "\"\ncommand = \"@WORKER@ @DIR@/" + name + " " + mode + "\"\n" + more;
}

std::string three(const std::string& strategy) {
  std::string text =
    "[[supervisor]]\nname = \"s\"\nstrategy = \"" + strategy + "\"\nintensity = { restarts = 50, window = \"10s\" }\n";
  for (auto name : {"a", "b", "c"})
    text += daemon(name, "supervisor = \"s\"\n");
  return text;
}

std::map<std::string, pid_t> pids(const node& n) {
  std::map<std::string, pid_t> result;
  for (auto& [name, one] : n.ps())
    result[name] = one["pid"].is_number() ? one["pid"].get<pid_t>() : 0;
  return result;
}

void all_running(const node& n, std::initializer_list<const char*> names, double seconds = 10) {
  for (auto name : names)
    n.until_state(name, "running", seconds);
}

bool has_event(const node& n, const std::string& kind, const std::string& who) {
  for (auto& event : n.events())
    if (event["kind"] == kind && (event.value("daemon", "") == who || event.value("supervisor", "") == who))
      return true;
  return false;
}

} // namespace

TEST_CASE("strategies restart exactly whom they name") {
  struct row {
    const char* strategy;
    bool a, b, c; ///< restarted when b dies
  };
  auto [strategy, a, b, c] = GENERATE(
    row{"one_for_one", false, true, false}, row{"one_for_all", true, true, true},
    row{"rest_for_one", false, true, true});
  INFO(strategy);
  node n{three(strategy)};
  all_running(n, {"a", "b", "c"});
  auto before = pids(n);
  kill(before["b"], SIGKILL);
  n.until("b is back", [&] { return n.state("b") == "running" && n.pid_of_daemon("b") != before["b"]; });
  n.until("all are settled", [&] {
    auto now = pids(n);
    auto settled = [&](const char* name, bool moved) {
      return n.state(name) == "running" && (now[name] != before[name]) == moved;
    };
    return settled("a", a) && settled("b", b) && settled("c", c);
  });
  auto last_start = [&, all = n.events()](const std::string& name) {
    std::uint64_t id = 0;
    for (auto& each : all)
      if (each["kind"] == "starting" && each["daemon"] == name)
        id = std::max(id, each["id"].get<std::uint64_t>());
    return id;
  };
  // Start order is the file's, stop order its reverse.
  if (std::string{strategy} != "one_for_one")
    CHECK(last_start("c") > last_start("b"));
}

TEST_CASE("past its intensity a supervisor gives up, and its parent goes on") {
  node n{
    "[[supervisor]]\nname = \"s\"\nintensity = { restarts = 3, window = \"30s\" }\n"
    + daemon("bad", "supervisor = \"s\"\n[daemon.restart]\npolicy = \"always\"\nnext_delay = \"0s\"\n", "exit 0 1")
    + daemon("sibling", "supervisor = \"s\"\n") + daemon("stranger")};
  n.until(
    "the supervisor escalates", [&] { return has_event(n, "escalation", "s") || has_event(n, "give_up", "s"); }, 20);
  CHECK(n.state("stranger") == "running");
  CHECK(n.ps("stranger")["restarts"] == 0);
  // The root's own intensity counts per child: the subtree ends failed, the node stays.
  n.until(
    "the subtree is given up", [&] { return n.state("bad") == "failed"; }, 60);
  CHECK(n.get("/healthz").status == 200);
}

TEST_CASE("the root's children fail alone") {
  node n{daemon("bad", "[daemon.restart]\npolicy = \"always\"\nnext_delay = \"0s\"\n", "exit 0 1") + daemon("good")};
  n.until_state("bad", "failed", 30);
  CHECK(n.state("good") == "running");
  CHECK(n.ps("bad")["restarts"] == 10);
  CHECK(records(n.path("bad")).size() == 11);
  CHECK(has_event(n, "andon", "bad"));
  CHECK(n.cli({"start", "bad"}).status <= 1);
  CHECK(n.get("/healthz").status == 200);
}

TEST_CASE("a dependant waits for its dependency, and is remembered") {
  node n{daemon("base", "autostart = false\n") + daemon("top", "depends_on = [\"base\"]\n")};
  n.until("top waits", [&] {
    return n.state("top") == "created" || n.state("top") == "stopped" || n.state("top") == "starting";
  });
  CHECK(records(n.path("top")).empty());
  CHECK(n.cli({"start", "base"}).status == 0);
  n.until_state("top", "running");
  CHECK(records(n.path("top")).front().ns > records(n.path("base")).front().ns);
  // A restart of the dependency leaves the dependant alone under one_for_one.
  auto top = n.pid_of_daemon("top");
  auto base = n.pid_of_daemon("base");
  kill(base, SIGKILL);
  n.until("base is back", [&] { return n.state("base") == "running" && n.pid_of_daemon("base") != base; });
  CHECK(n.pid_of_daemon("top") == top);
}

TEST_CASE("a completed task releases whom it holds") {
  node n{
    daemon("migrate", "[daemon.restart]\npolicy = \"on-failure\"\n", "exit 100 0")
    + daemon("top", "depends_on = [{ name = \"migrate\", until = \"completed\" }]\n")};
  n.until_state("top", "running");
  CHECK(n.state("migrate") == "stopped");
  CHECK(records(n.path("top")).front().ns - records(n.path("migrate")).front().ns >= 90'000'000);
}

TEST_CASE("a stop during backoff ends the wait") {
  node n{daemon("w", "[daemon.restart]\npolicy = \"always\"\ninitial_delay = \"60s\"\n", "exit 0 1")};
  n.until_state("w", "backoff");
  auto begin = monotonic_ns();
  CHECK(n.cli({"stop", "w"}).status == 0);
  CHECK(n.state("w") == "stopped");
  CHECK(monotonic_ns() - begin < 2'000'000'000);
  CHECK(records(n.path("w")).size() == 1);
}

TEST_CASE("a start during a stop leaves one daemon, running") {
  node n{daemon("w", "shutdown_timeout = \"500ms\"\n", "stubborn")};
  n.until_state("w", "running");
  CHECK(n.post("/v1/daemons/w/stop?wait=false").status < 300);
  n.until("it is stopping", [&] { return n.state("w") != "running"; });
  auto started = n.cli({"start", "w"});
  CHECK(started.status <= 1);
  n.until("settled", [&] { return n.state("w") == "running" || n.state("w") == "stopped"; });
  CHECK(pids_with(n.path("w ")).size() <= 1);
  if (started.status == 0)
    CHECK(n.state("w") == "running");
}

TEST_CASE("eight restarts at once: every one answers, one daemon runs") {
  node n{daemon("w")};
  n.until_state("w", "running");
  std::vector<std::thread> threads;
  std::vector<int> answers(8);
  for (std::size_t i = 0; i < 8; ++i)
    threads.emplace_back([&, i] { answers[i] = n.post("/v1/daemons/w/restart?timeout=20s").status; });
  for (auto& thread : threads)
    thread.join();
  for (auto answer : answers)
    CHECK((answer == 200 || answer == 409));
  CHECK(std::count(answers.begin(), answers.end(), 200) >= 1);
  n.until_state("w", "running");
  std::size_t living = 0;
  for (auto& each : records(n.path("w")))
    living += alive(each.pid);
  CHECK(living == 1);
}

TEST_CASE("stop goes against the order of start") {
  node n{daemon("base") + daemon("top", "depends_on = [\"base\"]\n")};
  all_running(n, {"base", "top"});
  auto base = n.pid_of_daemon("base"), top = n.pid_of_daemon("top");
  kill(n.pid(), SIGTERM);
  bool wrong = false;
  eventually(10, [&] {
    wrong = wrong || (!alive(base) && alive(top));
    return !alive(base) && !alive(top);
  });
  CHECK_FALSE(wrong);
  auto ended = n.wait(20);
  REQUIRE(ended);
  CHECK(*ended == 0);
}

TEST_CASE("apply leaves alone what did not change") {
  node n{daemon("a") + daemon("b")};
  all_running(n, {"a", "b"});
  auto before = pids(n);
  n.rewrite_stack(daemon("a") + daemon("b", "env = { X = \"1\" }\n") + daemon("c"));
  auto plan = n.cli({"apply", "-f", n.path("duende.toml"), "--dry-run"});
  CHECK(plan.status == 0);
  CHECK_THAT(plan.out, Contains("+ c"));
  CHECK_THAT(plan.out, Contains("~ b"));
  CHECK(pids(n) == before);
  CHECK(n.cli({"apply", "-f", n.path("duende.toml")}).status == 0);
  all_running(n, {"a", "b", "c"});
  auto after = pids(n);
  CHECK(after["a"] == before["a"]);
  CHECK(after["b"] != before["b"]);
}
