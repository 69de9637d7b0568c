// Lines that are stopped: gates before a start, invariants while a daemon runs, the first abnormal end.
#include "tests/support/catch.hpp"
#include "tests/system/node.hpp"

#include <csignal>
#include <cstdlib>

#include <fcntl.h>

using namespace duende::test;

namespace {

std::string daemon(const std::string& jidoka, const std::string& command = "@WORKER@ @DIR@/d gentle") {
  return "[[daemon]]\nname = \"d\"\ncommand = \"" + command
         + "\"\nrestart = { policy = \"always\", next_delay = \"0s\" }\n[daemon.jidoka]\n" + jidoka;
}

const std::string dependant =
  "[[daemon]]\nname = \"after\"\ncommand = \"@WORKER@ @DIR@/after gentle\"\ndepends_on = [\"d\"]\n";

std::string analysis_gate(const std::string& limits) {
  return "pre_start = [{ name = \"quality\", exec = [\"cat\", \"@DIR@/analysis.json\"], format = \"quality-json\", "
         + limits + " }]\n";
}

std::string text_of(const node& n, const std::string& kind) {
  std::string result;
  for (auto& event : n.events())
    if (event["kind"] == kind && event["daemon"] == "d")
      result = event["text"];
  return result;
}

} // namespace

TEST_CASE("an analysis over a threshold stops a deployment", "[F061][F062][F063][F064]") {
  struct row {
    const char *limits, *bad, *good, *why;
  };
  auto [limits, bad, good, why] = GENERATE(
    row{
      "max_complexity = 20", "{\"max_complexity\": 31}", "{\"max_complexity\": 20}",
      "max_complexity is 31, at most 20 is allowed"},
    row{"satd_count = 3", "{\"satd_count\": 4}", "{\"satd_count\": 3}", "satd_count is 4, at most 3 is allowed"},
    row{
      "dead_code_percent = 2.5", "{\"dead_code_percent\": 3}", "{\"dead_code_percent\": 0}",
      "dead_code_percent is 3, at most 2.5 is allowed"},
    row{
      "quality_score = 80", "{\"quality_score\": 79}", "{\"quality_score\": 80}",
      "quality_score is 79, at least 80 is wanted"});
  node n{"[[daemon]]\nname = \"other\"\ncommand = \"sleep 1000\"\n"};
  write_file(n.path("analysis.json"), bad);
  n.rewrite_stack(daemon(analysis_gate(limits)) + dependant);
  n.cli({"apply", "-f", n.path("duende.toml")});
  n.until_state("d", "failed");
  CHECK(records(n.path("d")).empty()); // it never ran
  CHECK(n.ps("d")["last_exit"]["cause"] == "policy");
  CHECK_THAT(n.ps("d")["last_exit"]["text"].get<std::string>(), Contains(why));
  CHECK_THAT(text_of(n, "andon"), Contains(why) && Contains("held meanwhile: after") && Contains("'duende start d'"));
  CHECK(records(n.path("after")).empty());
  auto refused = n.cli({"start", "d"});
  CHECK(refused.status != 0);
  CHECK_THAT(refused.err, Contains(why));
  CHECK_THAT(http(n.metrics_address(), "GET", "/metrics").body, Contains("gate=\"quality\",kind=\"gate\"} 2"));
  write_file(n.path("analysis.json"), good);
  auto started = n.cli({"start", "d"});
  INFO(started.err);
  CHECK(started.status == 0);
  n.until_state("after", "running");
}

TEST_CASE("gates of any kind: all are told, or the first one", "[jidoka]") {
  bool first = GENERATE(false, true);
  node n{daemon(
    std::string{first ? "stop_on_first = true\n" : ""}
    + "pre_start = [{ name = \"disk\", exec = \"sh -c 'yes | head -c 3000000; echo no space left; exit 3'\" },\n"
      "{ name = \"flags\", exec = \"sh -c 'yes | head -c 300000; grep flags /proc/self/fdinfo/1; exit 3'\" },\n"
      "{ name = \"fine\", exec = \"true\" }, { name = \"slow\", exec = \"sh -c 'sleep 977 & sleep 977'\", timeout = "
      "\"300ms\" }]\n")};
  n.until_state("d", "failed");
  auto why = n.ps("d")["last_exit"]["text"].get<std::string>();
  CHECK_THAT(why, Contains("gate 'disk': exited with code 3: no space left"));
  if (auto flags = why.find("flags:"); !first) { // a pipe that does not wait loses what a gate prints
    REQUIRE(flags != std::string::npos);
    CHECK((std::strtol(why.c_str() + flags + 6, nullptr, 8) & O_NONBLOCK) == 0);
  }
  CHECK((why.find("gate 'slow': ") != std::string::npos) == !first);
  CHECK(records(n.path("d")).empty());
  n.until("nothing of the gates is left", [&] {
    for (auto each : n.tree())
      if (read_file("/proc/" + std::to_string(each) + "/cmdline").find("977") != std::string::npos)
        return false;
    return true;
  });
}

TEST_CASE("a daemon is stopped while its gates run", "[jidoka]") {
  node n{daemon("pre_start = [{ name = \"slow\", exec = \"sleep 976\", timeout = \"1h\" }]\n")};
  n.until("the gate runs", [&] {
    return !pids_with(std::string{
                        "sleep\0"
                        "976",
                        9})
              .empty();
  });
  CHECK(n.state("d") == "starting");
  REQUIRE(n.cli({"stop", "d"}).status == 0);
  CHECK(n.state("d") == "stopped");
  n.until("the gate is gone", [&] {
    return pids_with(std::string{
                       "sleep\0"
                       "976",
                       9})
      .empty();
  });
  CHECK(records(n.path("d")).empty());
}

TEST_CASE("a violated invariant stops the line; policies change on a daemon that runs", "[F079][F080]") {
  node n{daemon("invariants = [{ name = \"rss\", metric = \"memory_bytes\", above = \"1GiB\" }]\n") + dependant};
  n.until_state("after", "running");
  auto pid = n.pid_of_daemon("d");
  auto dependant_pid = n.pid_of_daemon("after");
  n.rewrite_stack(
    daemon("invariants = [{ name = \"rss\", metric = \"memory_bytes\", above = \"2GiB\" }]\n") + dependant);
  auto applied = n.cli({"apply", "-f", n.path("duende.toml")});
  INFO(applied.err);
  REQUIRE(applied.status == 0);
  CHECK(n.pid_of_daemon("d") == pid);
  n.rewrite_stack(daemon("invariants = [{ name = \"rss\", metric = \"memory_bytes\", above = 4096 }]\n") + dependant);
  REQUIRE(n.cli({"apply", "-f", n.path("duende.toml")}).status == 0);
  CHECK(n.pid_of_daemon("d") == pid); // the new policy is in force on the same process
  n.until_state("d", "failed");
  CHECK_FALSE(alive(pid));
  CHECK(n.ps("d")["last_exit"]["cause"] == "policy");
  CHECK_THAT(text_of(n, "policy"), Contains("violates invariant 'rss': memory_bytes is ") && Contains(", above 4 KiB"));
  CHECK_THAT(
    text_of(n, "andon"), Contains("find out what drives its memory_bytes") && Contains("held meanwhile: after"));
  kill(dependant_pid, SIGKILL);
  n.until("its dependant is held", [&] { return n.state("after") != "running"; });
  CHECK_FALSE(eventually(0.5, [&] { return n.state("after") == "running"; }));
  n.rewrite_stack(daemon("") + dependant);
  REQUIRE(n.cli({"apply", "-f", n.path("duende.toml")}).status == 0);
  CHECK(n.state("d") == "failed"); // a person acknowledges
  REQUIRE(n.cli({"start", "d"}).status == 0);
  n.until_state("after", "running");
}

TEST_CASE("the first abnormal end stops the line, over the node's death, too", "[jidoka]") {
  node n{daemon("stop_on_first = true\n")};
  n.until_state("d", "running");
  kill(n.pid_of_daemon("d"), SIGSEGV);
  n.until_state("d", "failed");
  CHECK(records(n.path("d")).size() == 1);
  CHECK_THAT(text_of(n, "andon"), Contains("line stopped: killed by SIGSEGV") && Contains("duende status d"));
  kill(n.pid_of("duended"), SIGKILL);
  n.until(
    "the node is back", [&] { return n.state("d") == "failed"; }, 20);
  CHECK(records(n.path("d")).size() == 1);
}
