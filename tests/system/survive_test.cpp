// The node may die at any instruction, the keeper too: no daemon is lost, none is doubled, no exit is forgotten.
#include "tests/support/catch.hpp"
#include "tests/system/node.hpp"

#include <csignal>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <random>

using namespace duende::test;

namespace {

std::string worker_named(const std::string& name, const std::string& mode = "idle", const std::string& more = {}) {
  return "[[daemon]]\nname = \"" + name + "\"\ncommand = \"@WORKER@ @DIR@/" + name + " " + mode + "\"\n" + more;
}

std::string workers(int count, const std::string& more = {}) {
  std::string text;
  for (int i = 0; i < count; ++i)
    text += worker_named("w" + std::to_string(i), "idle", more);
  return text;
}

/// Never more than one living process of a daemon.
int living(const node& n, const std::string& name) {
  auto all = records(n.path(name));
  return static_cast<int>(std::count_if(all.begin(), all.end(), [](auto& each) { return alive(each.pid); }));
}

void node_returns(const node& n, pid_t old) {
  n.until(
    "the keeper starts the node again",
    [&] {
      auto now = n.pid_of("duended");
      return now != 0 && now != old && n.get("/v1/daemons").status == 200;
    },
    25);
}

} // namespace

TEST_CASE("a dead node comes back with the same pids, counts and wishes") {
  node n{workers(5) + worker_named("off", "idle", "autostart = true\n")};
  for (auto name : {"w0", "w1", "w2", "w3", "w4", "off"})
    n.until_state(name, "running");
  kill(n.pid_of_daemon("w1"), SIGKILL);
  n.until("w1 restarted", [&] { return n.state("w1") == "running" && n.ps("w1")["restarts"] == 1; });
  REQUIRE(n.cli({"stop", "off"}).status == 0);
  auto before = n.ps();
  for (int round = 0; round < 5; ++round) {
    auto old = n.pid_of("duended");
    REQUIRE(old != 0);
    kill(old, SIGKILL);
    node_returns(n, old);
  }
  for (auto& [name, was] : before) {
    INFO(name);
    n.until_state(name, was["state"].get<std::string>());
    auto now = n.ps(name);
    CHECK(now["pid"] == was["pid"]);
    CHECK(now["restarts"] == was["restarts"]);
    CHECK(now["incarnation"] == was["incarnation"]);
    CHECK(now["id"] == was["id"]);
    if (was["state"] == "running")
      CHECK(now["uptime_seconds"].get<double>() >= was["uptime_seconds"].get<double>());
  }
  CHECK(n.ps("w1")["last_exit"]["value"] == SIGKILL);
}

TEST_CASE("an exit that nobody saw is learnt with its code and acted upon") {
  node n{worker_named("again", "exit 700 7", "[daemon.restart]\npolicy = \"never\"\n") + worker_named("back")};
  n.until_state("again", "running");
  n.until_state("back", "running");
  auto back = n.pid_of_daemon("back");
  auto old = n.pid_of("duended");
  // Stopped, then killed: the exits below happen while no node can look.
  REQUIRE(freeze(old));
  kill(back, SIGTERM);
  REQUIRE(eventually(5, [&] { return !alive(records(n.path("again"))[0].pid); }));
  kill(old, SIGKILL);
  node_returns(n, old);
  n.until_state("again", "failed");
  auto again = n.ps("again")["last_exit"];
  CHECK(again["cause"] == "code");
  CHECK(again["value"] == 7);
  n.until("back was restarted", [&] { return n.state("back") == "running" && n.pid_of_daemon("back") != back; });
  CHECK(n.ps("back")["last_exit"]["value"] == SIGTERM);
  CHECK(living(n, "back") == 1);
}

TEST_CASE("a storm of random kills of the node loses and doubles nothing") {
  node n{
    workers(20)
    + worker_named(
      "busy", "exit 5 1",
      "supervisor = \"s\"\n[daemon.restart]\npolicy = \"always\"\nnext_delay = \"0s\"\ninitial_delay = \"0s\"\n"
      "max_delay = \"0s\"\n")
    + "[[supervisor]]\nname = \"s\"\nintensity = { restarts = 1000000, window = \"1s\" }\n"};
  for (int i = 0; i < 20; ++i)
    n.until_state("w" + std::to_string(i), "running");
  auto before = n.ps();
  std::mt19937 random{20240501};
  for (int round = 0; round < 12; ++round) {
    auto begin = monotonic_ns();
    auto wait = static_cast<std::int64_t>(random() % 40'000'000);
    pid_t victim = 0;
    // At any instruction: also while it starts, adopts, or restarts `busy`.
    n.until(
      "there is a node to kill", [&] { return (victim = n.pid_of("duended")) != 0 && monotonic_ns() - begin > wait; },
      25);
    kill(victim, SIGKILL);
    CHECK(living(n, "busy") <= 1);
  }
  n.until(
    "it answers again", [&] { return n.get("/v1/daemons").status == 200; }, 30);
  for (int i = 0; i < 20; ++i) {
    auto name = "w" + std::to_string(i);
    INFO(name);
    n.until_state(name, "running");
    CHECK(n.pid_of_daemon(name) == before[name]["pid"].get<pid_t>());
    CHECK(records(n.path(name)).size() == 1);
  }
  auto count = records(n.path("busy")).size();
  n.until("busy goes on", [&] { return records(n.path("busy")).size() > count + 3; });
  CHECK(living(n, "busy") <= 1);
}

TEST_CASE("event ids go on without a gap over the node's deaths") {
  node n{workers(1)};
  n.until_state("w0", "running");
  auto old = n.pid_of("duended");
  kill(old, SIGKILL);
  node_returns(n, old);
  kill(n.pid_of_daemon("w0"), SIGKILL);
  n.until("the restart is told", [&] { return n.ps("w0")["restarts"] == 1; });
  long last = 0;
  for (auto& event : n.events()) {
    CHECK(event["id"].get<long>() == last + 1);
    CHECK(event["kind"] != "limit");
    last = event["id"].get<long>();
  }
}

TEST_CASE("after the keeper's death the next up leaves one copy of each daemon") {
  node n{workers(10)};
  for (int i = 0; i < 10; ++i)
    n.until_state("w" + std::to_string(i), "running");
  auto keeper = n.pid_of("duende-keeper");
  REQUIRE(keeper != 0);
  n.until("w0 is a second old", [&] { return n.ps("w0")["uptime_seconds"].get<double>() > 1; });
  auto first = n.ps("w0");
  kill(keeper, SIGKILL);
  n.until(
    "up sees it",
    [&] {
      return const_cast<node&>(n).wait(0.01).has_value()
             || (n.pid_of("duende-keeper") != 0 && n.pid_of("duende-keeper") != keeper);
    },
    20);
  if (n.wait(5)) {
    CHECK_FALSE(n.log().empty());
    n.start_again();
  }
  for (int i = 0; i < 10; ++i) {
    auto name = "w" + std::to_string(i);
    n.until_state(name, "running", 20);
    n.until(name + " lives once", [&] { return living(n, name) == 1; });
    CHECK(alive(n.pid_of_daemon(name)));
  }
  auto now = n.ps("w0");
  if (now["pid"] == first["pid"]) { // adopted: it is as old as its process
    CHECK(now["uptime_seconds"].get<double>() > first["uptime_seconds"].get<double>());
  }
}

TEST_CASE("events -f goes on when the node is back, without asking again and again") {
  node n{workers(1)};
  n.until_state("w0", "running");
  auto file = n.path("told");
  auto follower = std::async(std::launch::async, [&] {
    auto command = n.duende() + " --socket " + n.socket() + " events -f --json > " + file;
    return run({"timeout", "20", "sh", "-c", "exec " + command});
  });
  n.until("it is served", [&] {
    n.cli({"pause", "w0"});
    n.cli({"resume", "w0"});
    return !read_file(file).empty();
  });
  auto old = n.pid_of("duended");
  kill(old, SIGKILL);
  node_returns(n, old);
  kill(n.pid_of_daemon("w0"), SIGKILL);
  follower.get();
  auto told = read_file(file);
  INFO(told);
  CHECK(told.find("is back after a crash") != std::string::npos);
  CHECK(told.find("w0: restart 1") != std::string::npos);
}

TEST_CASE("keeper and node killed together, and again") {
  node n{workers(5)};
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 5; ++i)
      n.until_state("w" + std::to_string(i), "running", 20);
    auto keeper = n.pid_of("duende-keeper"), node_pid = n.pid_of("duended");
    kill(node_pid, SIGKILL);
    kill(keeper, SIGKILL);
    if (n.wait(10))
      n.start_again();
    else
      n.until(
        "it answers again", [&] { return n.get("/v1/daemons").status == 200; }, 20);
  }
  for (int i = 0; i < 5; ++i) {
    auto name = "w" + std::to_string(i);
    n.until_state(name, "running", 20);
    n.until(name + " lives once", [&] { return living(n, name) == 1; });
  }
}

TEST_CASE("a reused pid is nobody's daemon", "[F102]") {
  // A pid namespace of its own, where the next pid can be chosen.
  node n{
    workers(1),
    {.prefix = {
       "unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c", "\"$@\"; while :; do sleep 1; done",
       "sh"}}};
  n.until_state("w0", "running");
  auto inside = n.pid_of_daemon("w0");
  pid_t init = 0;
  for (auto pid : n.tree())
    if (
      read_file("/proc/" + std::to_string(pid) + "/status").find("NSpid:\t" + std::to_string(pid) + "\t1\n")
      != std::string::npos)
      init = pid;
  REQUIRE(init != 0);
  auto within = [&](const std::string& script) {
    return run({"nsenter", "-t", std::to_string(init), "-p", "-m", "sh", "-c", script});
  };
  // Keeper, node and daemon die; a stranger takes the daemon's pid.
  for (auto name : {"duende-keeper", "duended", "system_worker", "duende"})
    if (auto pid = n.pid_of(name))
      kill(pid, SIGKILL);
  REQUIRE(eventually(
    5, [&] { return n.pid_of("duende") == 0 && n.pid_of("duended") == 0 && n.pid_of("system_worker") == 0; }));
  auto stranger = within(
    "echo " + std::to_string(inside - 1) + " > /proc/sys/kernel/ns_last_pid; sleep 60 >/dev/null 2>&1 & echo $!");
  REQUIRE(std::atoi(stranger.out.c_str()) == inside);
  within(
    "NO_COLOR=1 DUENDE_SOCKET=" + n.socket() + " setsid " + program("duende") + " up -f " + n.path("duende.toml")
    + " >> " + n.path("node.log") + " 2>&1 </dev/null &");
  n.until_state("w0", "running", 20);
  CHECK(n.pid_of_daemon("w0") != inside);
  CHECK(within("kill -0 " + std::to_string(inside)).status == 0);
  CHECK(records(n.path("w0")).size() == 2);
  // All of the namespace goes with its first process.
  kill(init, SIGKILL);
}
