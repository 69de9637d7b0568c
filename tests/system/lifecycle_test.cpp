// A daemon's life as its user sees it, against the built programs.
#include "tests/support/catch.hpp"
#include "tests/system/node.hpp"

#include <csignal>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <thread>

extern char** environ;

using namespace duende::test;

namespace {

std::string daemon(const std::string& name, const std::string& mode, const std::string& more = {}) {
  return "[[daemon]]\nname = \"" + name + "\"\ncommand = \"@WORKER@ @DIR@/" + name + " " + mode + "\"\n" + more;
}

/// Milliseconds from posix_spawn to the worker's first instructions.
double bare_start(const std::string& file) {
  auto program = worker();
  auto path = file;
  char* argv[] = {program.data(), path.data(), nullptr};
  auto before = records(file).size();
  auto begin = monotonic_ns();
  pid_t pid = 0;
  REQUIRE(posix_spawn(&pid, program.c_str(), nullptr, nullptr, argv, environ) == 0);
  REQUIRE(eventually(5, [&] { return records(file).size() > before; }));
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  return static_cast<double>(records(file).back().ns - begin) / 1e6;
}

} // namespace

TEST_CASE("a daemon is up within 100 ms, 1000 times", "[F001]") {
  node n{daemon("w", "gentle", "autostart = false\n")};
  scratch floor_dir;
  std::vector<double> ours, floor;
  for (int i = 0; i < 1000; ++i) {
    std::filesystem::remove(n.path("w"));
    auto begin = monotonic_ns();
    auto answer = n.post("/v1/daemons/w/start");
    REQUIRE(answer.status == 200);
    REQUIRE(eventually(5, [&] { return !records(n.path("w")).empty(); }));
    ours.push_back(static_cast<double>(records(n.path("w"))[0].ns - begin) / 1e6);
    REQUIRE(n.post("/v1/daemons/w/stop").status == 200);
    if (i % 10 == 0)
      floor.push_back(bare_start(floor_dir.path("w")));
  }
  auto p99 = quantile(ours, 0.99);
  WARN(
    "start: p50 " << quantile(ours, 0.5) << " ms, p99 " << p99 << " ms; bare posix_spawn: p50 " << quantile(floor, 0.5)
                  << " ms; ratio of medians " << quantile(ours, 0.5) / quantile(floor, 0.5));
  CHECK(p99 <= 100);
}

TEST_CASE("a stop ends within the timeout, asked for or forced", "[F006]") {
  node n{
    daemon("polite", "gentle", "shutdown_timeout = \"5s\"\n")
    + daemon("rude", "stubborn", "shutdown_timeout = \"500ms\"\n")
    + daemon("family", "group", "shutdown_timeout = \"500ms\"\n")};
  for (auto name : {"polite", "rude", "family"})
    n.until_state(name, "running");
  auto seconds = [&](const std::string& name) {
    auto begin = monotonic_ns();
    auto done = n.cli({"stop", name});
    CHECK(done.status == 0);
    CHECK(n.state(name) == "stopped");
    return static_cast<double>(monotonic_ns() - begin) / 1e9;
  };
  CHECK(seconds("polite") < 1);
  auto polite = n.ps("polite")["last_exit"];
  CHECK(polite["cause"] == "code");
  CHECK(polite["value"] == 0);

  auto rude = seconds("rude");
  CHECK(rude >= 0.5);
  CHECK(rude < 1.5);
  CHECK(n.ps("rude")["last_exit"]["value"] == SIGKILL);

  // The child of the group ignored SIGTERM; it must not outlive its daemon.
  seconds("family");
  CHECK(eventually(2, [&] { return pids_with(n.path("family")).empty(); }));
}

TEST_CASE("a forced stop is seen within 10 ms", "[F007]") {
  node n{daemon("w", "stubborn", "shutdown_timeout = \"300ms\"\n[daemon.restart]\npolicy = \"never\"\n")};
  std::vector<double> times;
  for (int i = 0; i < 30; ++i) {
    n.until_state("w", "running");
    auto pid = n.pid_of_daemon("w");
    auto begin = monotonic_ns();
    kill(pid, SIGKILL);
    while (n.state("w") == "running" && monotonic_ns() - begin < 1'000'000'000) {
    }
    times.push_back(static_cast<double>(monotonic_ns() - begin) / 1e6);
    CHECK_FALSE(alive(pid));
    n.until("the exit is known", [&] { return n.state("w") == "failed" || n.state("w") == "stopped"; });
    n.post("/v1/daemons/w/start");
  }
  WARN("SIGKILL to observed exit: median " << quantile(times, 0.5) << " ms, p95 " << quantile(times, 0.95) << " ms");
  CHECK(quantile(times, 0.5) <= 10);
}

TEST_CASE("a crashed daemon is back within 5 s and finds what it saved", "[F008][F009]") {
  node n{daemon("w", "count @DIR@/saved")};
  n.until_state("w", "running");
  n.until("the first start is saved", [&] { return read_file(n.path("saved")) == "1"; });
  auto first = n.pid_of_daemon("w");
  REQUIRE(kill(first, SIGSEGV) == 0);
  n.until(
    "w is back", [&] { return n.state("w") == "running" && n.pid_of_daemon("w") != first; }, 5);
  n.until(
    "it read what it had saved", [&] { return read_file(n.path("saved")) == "2"; }, 5);
  auto now = n.ps("w");
  CHECK(now["restarts"] == 1);
  CHECK(now["last_exit"]["cause"] == "signal");
  CHECK(now["last_exit"]["value"] == SIGSEGV);
  CHECK(now["incarnation"] == 2);
}

TEST_CASE("starting twice is refused, stopping twice is not", "[F014][F015]") {
  node n{daemon("w", "gentle")};
  n.until_state("w", "running");
  auto pid = n.pid_of_daemon("w");
  auto second = n.cli({"start", "w"});
  CHECK(second.status == 1);
  CHECK_THAT(second.err, Contains("w"));
  CHECK_THAT(second.err, Contains("running"));
  CHECK(n.post("/v1/daemons/w/start").status == 409);
  CHECK(n.pid_of_daemon("w") == pid);
  CHECK(records(n.path("w")).size() == 1);

  CHECK(n.cli({"stop", "w"}).status == 0);
  CHECK(n.cli({"stop", "w"}).status == 0);
  CHECK(n.state("w") == "stopped");
}

TEST_CASE("a node name runs once: the second up names the first", "[F014]") {
  node n{daemon("w", "idle")};
  n.until_state("w", "running");
  auto pid = n.pid_of_daemon("w");
  auto second = run({program("duende"), "up", "-f", n.path("duende.toml")}, {{"DUENDE_SOCKET", n.socket()}});
  CHECK(second.status == 1);
  CHECK_THAT(second.err, Contains("test"));
  CHECK(n.pid_of_daemon("w") == pid);
  CHECK(records(n.path("w")).size() == 1);
}

TEST_CASE("status is legal in every phase", "[F016]") {
  static const std::map<std::string, std::set<std::string>> next = {
    {"created", {"starting", "running", "failed", "stopped"}},
    {"starting", {"running", "stopping", "stopped", "backoff", "failed"}},
    {"running", {"paused", "stopping", "stopped", "backoff", "failed", "starting"}},
    {"paused", {"running", "stopping", "stopped", "backoff", "failed", "starting"}},
    {"stopping", {"stopped", "failed", "starting", "running"}},
    {"stopped", {"starting", "running", "failed"}},
    {"backoff", {"starting", "running", "stopped", "failed"}},
    {"failed", {"starting", "running", "stopped"}}};
  node n{daemon("w", "gentle", "autostart = false\n[daemon.restart]\npolicy = \"always\"\ninitial_delay = \"50ms\"\n")};
  std::atomic<bool> over{false};
  std::vector<std::string> seen;
  std::thread watcher{[&] {
    while (!over) {
      auto state = n.state("w");
      if (!state.empty() && (seen.empty() || seen.back() != state))
        seen.push_back(state);
    }
  }};
  for (int i = 0; i < 5; ++i) {
    n.cli({"start", "w"});
    n.until_state("w", "running");
    n.cli({"pause", "w"});
    n.until_state("w", "paused");
    n.cli({"resume", "w"});
    n.until_state("w", "running");
    auto pid = n.pid_of_daemon("w");
    kill(pid, SIGKILL);
    n.until("it is back", [&] { return n.state("w") == "running" && n.pid_of_daemon("w") != pid; });
    n.cli({"restart", "w"});
    n.until_state("w", "running");
    n.cli({"stop", "w"});
    n.until_state("w", "stopped");
  }
  over = true;
  watcher.join();
  for (std::size_t i = 0; i + 1 < seen.size(); ++i) {
    INFO(seen[i] << " -> " << seen[i + 1]);
    // The watcher may miss a short state, never see an unknown one.
    CHECK(next.count(seen[i]) == 1);
  }
  CHECK(seen.size() >= 20);
  // Events miss none: each state change is there, and follows its predecessor.
  std::string last = "created";
  for (auto& event : n.events()) {
    std::string kind = event["kind"];
    if (
      event.value("daemon", "") != "w"
      || (kind != "starting" && kind != "running" && kind != "paused" && kind != "backoff"))
      continue;
    INFO("event " << event.dump());
    if (kind == "starting")
      CHECK(last != "paused");
    if (kind == "running")
      CHECK((last == "starting" || last == "paused"));
    if (kind == "paused")
      CHECK(last == "running");
    last = kind;
  }
}

TEST_CASE("a stopped process shows as paused, whoever stopped it", "[F107]") {
  node n{daemon("w", "idle")};
  n.until_state("w", "running");
  auto pid = n.pid_of_daemon("w");
  kill(pid, SIGSTOP);
  n.until_state("w", "paused");
  CHECK(n.pid_of_daemon("w") == pid);
  auto metrics = http(n.metrics_address(), "GET", "/metrics");
  CHECK(metrics.status == 200);
  CHECK_THAT(metrics.body, Contains("state=\"paused\""));
  kill(pid, SIGCONT);
  n.until_state("w", "running");
  CHECK(n.cli({"pause", "w"}).status == 0);
  n.until_state("w", "paused");
  CHECK(n.cli({"resume", "w"}).status == 0);
  n.until_state("w", "running");
  CHECK(n.pid_of_daemon("w") == pid);
  CHECK(n.ps("w")["restarts"] == 0);
  // A paused daemon can be stopped.
  CHECK(n.cli({"pause", "w"}).status == 0);
  CHECK(n.cli({"stop", "w"}).status == 0);
  CHECK_FALSE(alive(pid));
}

TEST_CASE("no zombies stay", "[F105]") {
  node n{
    daemon("w", "family 1000")
    + daemon("brief", "exit 0 0", "[daemon.restart]\npolicy = \"always\"\nnext_delay = \"0s\"\n")};
  n.until(
    "the children are gone", [&] { return tree_of(n.pid()).size() < 20; }, 30);
  n.until(
    "no zombie below the node",
    [&] {
      auto tree = n.tree();
      return std::all_of(tree.begin(), tree.end(), [](pid_t pid) { return alive(pid); });
    },
    5);
}

TEST_CASE("the programs run on Linux", "[F095]") {
  for (auto name : {"duende", "duended", "duende-keeper"})
    CHECK(std::filesystem::exists(program(name)));
  auto version = run({program("duende"), "version"});
  CHECK(version.status == 0);
  CHECK_THAT(version.out, Contains("0."));
  node n{daemon("w", "idle")};
  n.until_state("w", "running");
  auto pids = n.tree();
  auto ended = n.terminate();
  REQUIRE(ended);
  CHECK(*ended == 0);
  for (auto pid : pids)
    CHECK_FALSE(alive(pid));
}
