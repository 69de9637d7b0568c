// Daemons that run at times, and daemons that restart when files change.
#include "tests/support/catch.hpp"
#include "tests/system/node.hpp"

#include <csignal>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>

using namespace duende::test;

namespace {

std::string daemon(const std::string& mode, const std::string& more = {}, const std::string& name = "w") {
  return "[[daemon]]\nname = \"" + name + "\"\ncommand = \"@WORKER@ @DIR@/" + name + " " + mode + "\"\n" + more;
}

bool event(const node& n, const std::string& text) {
  auto all = n.events();
  return std::any_of(all.begin(), all.end(), [&](auto& e) {
    return e["text"].template get<std::string>().find(text) != std::string::npos;
  });
}

void kill_node(const node& n) {
  auto before = n.pid_of("duended");
  kill(before, SIGKILL);
  n.until("the node is back", [&] { return n.pid_of("duended") != before && n.get("/healthz").status == 200; });
}

/// An expression for that time, every year.
std::string yearly(std::time_t then) {
  std::tm parts{};
  gmtime_r(&then, &parts);
  char text[64];
  std::strftime(text, sizeof text, "*-%m-%d %H:%M:%S UTC", &parts);
  return text;
}

std::string in_two_seconds() { return yearly(std::time(nullptr) + 2); }

void set_clock(std::time_t seconds) {
  const timespec now{seconds, 0};
  REQUIRE(clock_settime(CLOCK_REALTIME, &now) == 0);
}

} // namespace

TEST_CASE("every: runs come in their time, and between them it waits", "[schedule]") {
  node n{daemon("exit 0 0", "[daemon.schedule]\nevery = \"400ms\"\n") + daemon("idle", "", "other")};
  n.until_state("other", "running");
  CHECK(n.get("/readyz").status == 200); // a daemon that waits for its time holds nothing up
  n.until("three runs", [&] { return records(n.path("w")).size() >= 3; });
  auto runs = records(n.path("w"));
  for (std::size_t i = 1; i < 3; ++i) {
    auto gap = static_cast<double>(runs[i].ns - runs[i - 1].ns) / 1e6;
    CHECK(gap > 200);
    CHECK(gap < 1500);
  }
  n.until_state("w", "stopped");
  auto w = n.ps("w");
  CHECK(w["desired"] == "up");
  CHECK(w["next_run_at"].is_string());
  CHECK(w["last_run_at"].is_string());
  CHECK(w["skipped_runs"] == 0);
  CHECK(w["restarts"] == 0);
  CHECK(n.ps("other").count("next_run_at") == 0);
  CHECK_THAT(n.cli({"status", "w"}).out, Contains("next run") && Contains("last run"));

  CHECK(n.cli({"stop", "w"}).status == 0);
  auto count = records(n.path("w")).size();
  CHECK(n.ps("w")["next_run_at"].is_null());
  n.until(
    "a time at which it would have run", [&, until = monotonic_ns() + 900'000'000] { return monotonic_ns() > until; });
  CHECK(records(n.path("w")).size() == count);
  CHECK(n.cli({"start", "w"}).status == 0); // now, and then by the clock again
  n.until("it runs again", [&] { return records(n.path("w")).size() >= count + 2; });
}

TEST_CASE("a calendar's time, a start by hand, and a failed run that waits for the next", "[schedule]") {
  node n{
    daemon("exit 0 0", "[daemon.schedule]\ncalendar = \"" + in_two_seconds() + "\"\n")
    + daemon(
      "exit 0 3", "[daemon.schedule]\ncalendar = \"*-01-01\"\n[daemon.hooks]\non_give_up = [\"touch @DIR@/told\"]\n",
      "bad")};
  CHECK(records(n.path("w")).empty());
  CHECK(n.state("w") == "created");
  n.until("its time comes", [&] { return records(n.path("w")).size() == 1; });
  n.until_state("w", "stopped");
  CHECK(n.cli({"start", "w"}).status == 0);
  n.until("it ran by hand", [&] { return records(n.path("w")).size() == 2; });

  n.cli({"start", "bad"});
  n.until_state("bad", "stopped");
  CHECK(n.ps("bad")["last_exit"]["value"] == 3);
  CHECK(n.ps("bad")["next_run_at"].is_string());
  CHECK(n.ps("bad")["restarts"] == 0);
  CHECK(event(n, "bad: gives this run up: policy 'never': exited with code 3"));
  n.until("on_give_up ran", [&] { return std::filesystem::exists(n.path("told")); });
}

TEST_CASE(
  "the clock is set, forward and back: schedules go by it, intervals and restarts do not", "[schedule][clock]") {
  if (!std::getenv("DUENDE_TEST_CLOCK")) {
    WARN("skipped: only a machine of our own may have its clock set");
    return;
  }
  const auto then = std::time(nullptr) + 5000;
  node n{
    daemon("exit 0 0", "[daemon.schedule]\ncalendar = \"" + yearly(then) + "\"\n")
    + daemon("exit 0 0", "[daemon.schedule]\nevery = \"1s\"\n", "often")
    + daemon("exit 50 1", "[daemon.restart]\npolicy = \"always\"\nnext_delay = \"3s\"\n", "crashes")};
  auto runs = [&] { return records(n.path("w")).size(); };
  auto gaps = [&](const std::string& name) { // of the monotonic clock
    auto all = records(n.path(name));
    double longest = 0;
    for (std::size_t i = 1; i < all.size(); ++i)
      longest = std::max(longest, static_cast<double>(all[i].ns - all[i - 1].ns) / 1e9);
    return longest;
  };
  n.until("it ticks", [&] { return records(n.path("often")).size() >= 2; });
  CHECK(runs() == 0);
  set_clock(then - 2);
  n.until("its time has come sooner", [&] { return runs() == 1; });
  set_clock(then - 86'400);
  n.until("the next run is the same one again", [&] {
    auto next = n.ps("w")["next_run_at"];
    auto last = n.ps("w")["last_run_at"].get<std::string>();
    return next.is_string() && next.get<std::string>().substr(0, 16) == last.substr(0, 16);
  });
  CHECK(runs() == 1);
  set_clock(then + 86'400); // past it
  n.until("a time that was jumped over has come", [&] { return runs() == 2; });
  const auto seen = records(n.path("often")).size();
  n.until(
    "the others went on",
    [&] { return records(n.path("often")).size() >= seen + 3 && records(n.path("crashes")).size() >= 3; }, 60);
  CHECK(gaps("often") < 4);
  CHECK(gaps("crashes") < 12);
  CHECK(n.state("w") == "stopped");
}

TEST_CASE("a failed run is retried where a policy is written", "[schedule]") {
  node n{daemon(
    "exit 0 3", "[daemon.restart]\npolicy = \"max-retries\"\nmax_retries = 2\nnext_delay = \"10ms\"\n"
                "[daemon.schedule]\ncalendar = \"*-01-01\"\n")};
  n.cli({"start", "w"});
  n.until("its retries are used up", [&] { return records(n.path("w")).size() == 3 && n.state("w") == "stopped"; });
  CHECK(n.ps("w")["next_run_at"].is_string());
}

TEST_CASE("runs do not overlap: those that fall due meanwhile are skipped and counted", "[schedule]") {
  node n{daemon("idle", "[daemon.schedule]\nevery = \"300ms\"\n")};
  n.until("two were skipped", [&] { return n.ps("w")["skipped_runs"] >= 2; });
  CHECK(records(n.path("w")).size() == 1);
  CHECK(event(n, "w: skips the run of "));
  auto pid = n.pid_of_daemon("w");
  auto skipped = n.ps("w")["skipped_runs"].get<int>();
  kill_node(n); // a run that is under way is adopted, its times and its count go on
  CHECK(n.pid_of_daemon("w") == pid);
  n.until("more are skipped", [&] { return n.ps("w")["skipped_runs"] > skipped; });
  CHECK(records(n.path("w")).size() == 1);
}

TEST_CASE("the next run outlives the node; one missed while it was down is made up for if asked", "[schedule]") {
  std::string twice =
    daemon("exit 0 0", "[daemon.schedule]\nevery = \"1h\"\ncatch_up = true\n") + daemon("idle", "", "other");
  node n{twice};
  n.cli({"start", "w"});
  n.until_state("w", "stopped");
  auto next = n.ps("w")["next_run_at"];
  REQUIRE(n.cli({"restart", "other"}).status == 0);
  n.until("what came before this is on disk", [&] {
    return event(n, "other: running as pid " + std::to_string(n.pid_of_daemon("other")));
  });
  kill_node(n);
  CHECK(n.ps("w")["next_run_at"] == next);
  CHECK(n.state("w") == "stopped");
  REQUIRE(n.terminate());
  n.start_again();
  CHECK(n.ps("w")["next_run_at"] == next);
  CHECK(records(n.path("w")).size() == 1);
  REQUIRE(n.terminate());
  n.rewrite_stack(daemon("exit 0 0", "[daemon.schedule]\nevery = \"500ms\"\ncatch_up = true\n"));
  n.start_again();
  n.until("it ran", [&] { return records(n.path("w")).size() >= 2; });
  REQUIRE(n.terminate());
  auto count = records(n.path("w")).size();
  n.until("a run is missed", [&, until = monotonic_ns() + 700'000'000] { return monotonic_ns() > until; });
  n.start_again();
  n.until(
    "it is made up for", [&] { return event(n, "runs now: the run of ") && records(n.path("w")).size() > count; });
}

TEST_CASE("a changed file restarts its daemon, a stopped one stays stopped", "[watch]") {
  scratch code;
  std::filesystem::create_directories(code.path("build/deep"));
  node n{daemon(
    "idle", "working_dir = \"" + code.path() + "\"\n[daemon.watch]\npaths = [\"" + code.path("build")
              + "\"]\ndebounce = \"50ms\"\n")};
  n.until_state("w", "running");
  auto first = n.pid_of_daemon("w");
  // The folders are read soon after the start: asked again until it shows.
  n.until("the first change is seen", [&] {
    write_file(code.path("build/app.js"), std::to_string(monotonic_ns()));
    return n.pid_of_daemon("w") != first && n.state("w") == "running";
  });
  CHECK(event(n, "w: files changed: build/app.js: restarts"));
  auto second = n.pid_of_daemon("w");
  n.until("it has settled", [&, until = monotonic_ns() + 300'000'000] {
    return monotonic_ns() > until && n.state("w") == "running";
  });
  second = n.pid_of_daemon("w");
  auto restarts = n.ps("w")["restarts"];
  write_file(code.path("build/deep/x.new"), "1");
  std::filesystem::rename(code.path("build/deep/x.new"), code.path("build/deep/x"));
  n.until("a replaced file counts too", [&] { return n.pid_of_daemon("w") != second && n.state("w") == "running"; });
  CHECK(n.ps("w")["restarts"] == restarts); // an operator's, not a failure's

  kill_node(n);
  auto third = n.pid_of_daemon("w");
  n.until("the next node watches on", [&] {
    write_file(code.path("build/app.js"), std::to_string(monotonic_ns()));
    return n.pid_of_daemon("w") != third && n.state("w") == "running";
  });

  n.until("it has settled", [&, until = monotonic_ns() + 300'000'000] {
    return monotonic_ns() > until && n.state("w") == "running";
  });
  CHECK(n.cli({"stop", "w"}).status == 0);
  auto count = records(n.path("w")).size();
  write_file(code.path("build/app.js"), "x");
  n.until("time to restart has passed", [&, until = monotonic_ns() + 400'000'000] { return monotonic_ns() > until; });
  CHECK(n.state("w") == "stopped");
  CHECK(records(n.path("w")).size() == count);
}

TEST_CASE("a daemon that failed starts again when its files change", "[watch]") {
  scratch code;
  write_file(code.path("run.sh"), "exit 3\n");
  node n{
    "[[daemon]]\nname = \"w\"\ncommand = \"sh " + code.path("run.sh")
    + "\"\n[daemon.restart]\npolicy = \"never\"\n"
      "[daemon.watch]\npaths = [\""
    + code.path("run.sh") + "\"]\ndebounce = \"20ms\"\n"};
  n.until_state("w", "failed");
  n.until("the repaired program runs", [&] {
    write_file(code.path("new"), "exec sleep 1000\n");
    std::filesystem::rename(code.path("new"), code.path("run.sh"));
    return n.state("w") == "running";
  });
}

TEST_CASE("a watched path that is not there is a failed start that names it", "[watch]") {
  scratch code;
  auto path = code.path("missing");
  node n{daemon("idle", "[daemon.restart]\nnext_delay = \"50ms\"\n[daemon.watch]\npaths = [\"" + path + "\"]\n")};
  n.until("the cause shows", [&] {
    auto w = n.ps("w");
    return w["last_exit"].is_object()
           && w["last_exit"]["text"].get<std::string>().find("cannot watch '" + path + "': No such file or directory")
                != std::string::npos;
  });
  std::filesystem::create_directory(path);
  n.until_state("w", "running");
}
