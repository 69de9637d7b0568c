// Limits that the kernel enforces: tried by programs that go past them.
#include "tests/support/catch.hpp"
#include "tests/system/node.hpp"

#include <csignal>
#include <filesystem>

#include <unistd.h>

using namespace duende::test;
namespace fs = std::filesystem;

namespace {

std::string daemon(const std::string& name, const std::string& command, const std::string& resources) {
  return "[[daemon]]\nname = \"" + name + "\"\ncommand = \"" + command
         + "\"\n[daemon.restart]\npolicy = \"never\"\n[daemon.resources]\n" + resources + "\n";
}

/// user + system of a process, in seconds.
double cpu_seconds(pid_t pid) {
  auto text = read_file("/proc/" + std::to_string(pid) + "/stat");
  long user = 0, system = 0;
  auto after = text.rfind(')');
  REQUIRE(after != std::string::npos);
  REQUIRE(
    std::sscanf(text.c_str() + after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user, &system) == 2);
  return static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

/// The group of a process for that controller, and what is in one of its files.
std::string in_group(pid_t pid, const std::string& controller, const std::string& v1_file, const std::string& v2_file) {
  for (auto& line : lines_of(read_file("/proc/" + std::to_string(pid) + "/cgroup"))) {
    auto colon = line.find(':'), path = line.find(':', colon + 1);
    auto names = line.substr(colon + 1, path - colon - 1);
    bool legacy = names == controller;
    if (!legacy && !names.empty())
      continue;
    auto root = legacy ? "/sys/fs/cgroup/" + controller : std::string{"/sys/fs/cgroup"};
    auto file = root + line.substr(path + 1) + "/" + (legacy ? v1_file : v2_file);
    if (fs::exists(file))
      return lines_of(read_file(file)).at(0);
  }
  return "no such group";
}

response patch(const node& n, const std::string& daemon, const std::string& body) {
  return http(n.socket(), "PATCH", "/v1/daemons/" + daemon + "/resources", body);
}

} // namespace

TEST_CASE("a daemon that uses up its memory is killed, and the reason is told", "[F021][cgroup]") {
  node n{
    daemon("hog", "@WORKER@ @DIR@/hog eat 256 60", "memory_bytes = \"64MiB\"")
    + daemon("other", "@WORKER@ @DIR@/other idle", "")};
  n.until_state("hog", "failed", 30);
  auto last = n.ps("hog").at("last_exit");
  CHECK(last.at("cause") == "oom");
  CHECK(last.at("text") == "out of memory: 64MiB limit reached");
  n.until_state("other", "running");
  n.until("the alert is there, too", [&] {
    for (auto& each : n.events())
      if (each.at("kind") == "limit" && each.at("text") == "hog: has used up memory_bytes: 64MiB")
        return true;
    return false;
  });
}

TEST_CASE("a kill that is none for want of memory is not taken for one", "[cgroup]") {
  node n{daemon("small", "@WORKER@ @DIR@/small idle", "memory_bytes = \"64MiB\"")};
  n.until_state("small", "running");
  REQUIRE(kill(n.pid_of_daemon("small"), SIGKILL) == 0);
  n.until_state("small", "failed");
  CHECK(n.ps("small").at("last_exit").at("cause") == "signal");
}

TEST_CASE("a busy daemon has no more CPU than its quota", "[F022][cgroup]") {
  node n{daemon("busy", "sh -c 'while :; do :; done'", "cpu_quota_percent = 25")};
  n.until_state("busy", "running");
  auto pid = n.pid_of_daemon("busy");
  auto used = cpu_seconds(pid);
  auto begin = monotonic_ns();
  n.until("two seconds have passed", [&] { return monotonic_ns() - begin > 2'000'000'000; });
  auto share = (cpu_seconds(pid) - used) / (static_cast<double>(monotonic_ns() - begin) / 1e9);
  CHECK(share <= 0.25 * 1.05 + 0.01); // and a tick of the clock that it is counted by
  CHECK(share > 0.05);
}

TEST_CASE("a daemon forks up to its limit", "[F024][cgroup]") {
  node n{daemon("forks", "@WORKER@ @DIR@/forks forks", "pids_max = 8")};
  n.until("it has forked up to its limit", [&] {
    return n.cli({"logs", "forks"}).out.find("8 EAGAIN") != std::string::npos;
  });
  n.cli({"stop", "forks"});
  CHECK(n.state("forks") == "stopped");
}

TEST_CASE("who uses up what it may have raises an alert at once", "[F034][cgroup]") {
  node n{
    daemon("forks", "@WORKER@ @DIR@/forks forks", "pids_max = 8")
    + daemon("parent", "sh -c '@WORKER@ @DIR@/hog eat 256 60; sleep 600'", "memory_bytes = \"64MiB\"")};
  auto alert = [&](const std::string& name, const std::string& text) {
    for (auto& each : n.events())
      if (
        each.at("kind") == "limit" && each.at("daemon") == name
        && each.at("text").get<std::string>().find(text) != std::string::npos)
        return true;
    return false;
  };
  auto counted = [&](const std::string& name, const std::string& key) {
    for (auto& line : lines_of(http(n.metrics_address(), "GET", "/metrics").body))
      if (
        line.rfind("duende_policy_violations_total{", 0) == 0 && line.find("daemon=\"" + name + "\"") != line.npos
        && line.find("gate=\"" + key + "\"") != line.npos && line.find("kind=\"limit\"") != line.npos)
        return true;
    return false;
  };
  n.until("it has forked up to its limit", [&] {
    return n.cli({"logs", "forks"}).out.find("8 EAGAIN") != std::string::npos;
  });
  auto begin = monotonic_ns();
  n.until("the forks are told of", [&] {
    return alert("forks", "has used up pids_max: 8 processes") && counted("forks", "pids_max");
  });
  CHECK(monotonic_ns() - begin < 1'000'000'000);
  // the one that was killed is a child: nothing else tells that memory was short
  n.until(
    "the memory is told of",
    [&] { return alert("parent", "has used up memory_bytes: 64MiB") && counted("parent", "memory_bytes"); }, 30);
  CHECK(n.state("parent") == "running");
}

TEST_CASE("direct writes keep to their bandwidth", "[F025][cgroup]") {
  auto* disk = std::getenv("DUENDE_TEST_DISK");
  auto target = disk ? std::string{disk} : "@DIR@/data";
  node n{daemon("writer", "@WORKER@ @DIR@/writer direct " + target + " 12", "io_write_bps = \"4MiB\"")};
  n.until(
    "it has written", [&] { return n.state("writer") == "stopped" || n.state("writer") == "failed"; }, 60);
  if (n.ps("writer").at("last_exit").at("value") == 3) {
    WARN("skipped: this file system has no direct writes");
    return;
  }
  INFO(n.ps("writer").dump());
  CHECK(n.state("writer") == "stopped");
  double seconds = 0;
  for (auto& each : n.events())
    if (each.at("kind") == "exit")
      std::sscanf(each.at("text").get<std::string>().c_str(), "writer: exited cleanly after %lf", &seconds);
  CHECK(seconds >= 12 / 4.0 / 1.1);
}

TEST_CASE("limits change while a daemon runs, and hold for its next life", "[F031][F032][cgroup]") {
  auto stack = daemon("a", "@WORKER@ @DIR@/a idle", "pids_max = 50");
  stack.replace(stack.find("never"), 5, "always");
  node n{stack};
  n.until_state("a", "running");
  auto pid = n.pid_of_daemon("a");
  CHECK(in_group(pid, "pids", "pids.max", "pids.max") == "50");
  auto changed = patch(n, "a", R"({"pids_max":60,"memory_bytes":"32MiB","open_files_max":64})");
  INFO(changed.body);
  CHECK(changed.status == 200);
  CHECK(n.pid_of_daemon("a") == pid);
  CHECK(in_group(pid, "pids", "pids.max", "pids.max") == "60");
  CHECK(in_group(pid, "memory", "memory.limit_in_bytes", "memory.max") == "33554432");
  CHECK_THAT(read_file("/proc/" + std::to_string(pid) + "/limits"), Contains("Max open files            64"));
  REQUIRE(kill(pid, SIGKILL) == 0);
  n.until("it runs again", [&] {
    auto now = n.ps("a");
    return now.at("state") == "running" && now.at("pid") != pid;
  });
  pid = n.pid_of_daemon("a");
  CHECK(in_group(pid, "memory", "memory.limit_in_bytes", "memory.max") == "33554432");
  CHECK(in_group(pid, "pids", "pids.max", "pids.max") == "60");
  CHECK(patch(n, "a", R"({"memory_bytes":0})").status == 200);
  CHECK(n.pid_of_daemon("a") == pid);
  CHECK(in_group(pid, "memory", "memory.limit_in_bytes", "memory.max") != "33554432");
  CHECK(patch(n, "a", R"({"memory_byts":1})").status == 422);
  CHECK(patch(n, "a", R"([1])").status == 422);
  CHECK(patch(n, "a", "{").status == 400);
  CHECK(patch(n, "nobody", "{}").status == 404);
  CHECK(in_group(pid, "pids", "pids.max", "pids.max") == "60");
}

TEST_CASE("a pause holds what left the process group, and a stop ends it all the same", "[cgroup]") {
  node n{daemon(
    "d", "sh -c 'setsid sh -c \\\"while :; do echo $((i += 1)) > @DIR@/steps; done\\\" & sleep 600'", "pids_max = 50")};
  n.until_state("d", "running");
  auto steps = [&] { return read_file(n.path("steps")); };
  auto moves = [&] {
    auto before = steps();
    return [=] { return steps() != before; };
  };
  n.until("it works", moves());
  REQUIRE(n.cli({"pause", "d"}).status == 0);
  CHECK(n.state("d") == "paused");
  auto held = steps();
  REQUIRE(n.cli({"ps"}).status == 0); // as good a while as any
  CHECK(steps() == held);
  REQUIRE(n.cli({"resume", "d"}).status == 0);
  n.until("it works again", moves());
  REQUIRE(n.cli({"pause", "d"}).status == 0);
  REQUIRE(n.cli({"stop", "d"}).status == 0);
  CHECK(n.state("d") == "stopped");
}

TEST_CASE("a stop ends what left the process group, too", "[cgroup]") {
  node n{daemon("parent", "sh -c 'setsid sleep 1000 & echo $! > @DIR@/stray; wait'", "pids_max = 20")};
  n.until_state("parent", "running");
  n.until("the stray one runs", [&] { return !read_file(n.path("stray")).empty(); });
  auto stray = static_cast<pid_t>(std::atol(read_file(n.path("stray")).c_str()));
  REQUIRE(alive(stray));
  CHECK(n.cli({"stop", "parent"}).status == 0);
  CHECK(eventually(5, [&] { return !alive(stray); }));
}
