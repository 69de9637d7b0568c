// Commands around a daemon's life: when they run, what they are told, what their failure means, and what a dying node does to them.
#include "tests/support/catch.hpp"
#include "tests/system/node.hpp"

#include <csignal>

#include <algorithm>

using namespace duende::test;

namespace {

std::string daemon(const std::string& mode, const std::string& more = {}) {
  return "[[daemon]]\nname = \"w\"\ncommand = \"@WORKER@ @DIR@/w " + mode + "\"\n" + more;
}

/// A hook that appends its point and what it was told to `told`.
constexpr const char* teller = "#!/bin/sh\n"
                               "echo \"$DUENDE_HOOK $DUENDE_NAME $DUENDE_RESTARTS ${DUENDE_PID:-none} $DUENDE_CAUSE\" "
                               ">> \"$(dirname \"$0\")/told\"\n"
                               "echo \"said by $DUENDE_HOOK\"\n";

void write_program(const std::string& path, std::string_view text) {
  write_file(path, text);
  run({"chmod", "755", path});
}

/// The stack asks for programs in the node's own folder, which is there once the node is; so it starts without the daemon.
struct with_hooks {
  node n{"[[daemon]]\nname = \"other\"\ncommand = \"sleep 1000\"\n"};

  explicit with_hooks(std::string stack) {
    write_program(n.path("tell"), teller);
    write_program(
      n.path("hang"),
      "#!/bin/sh\necho $$ >> \"$(dirname \"$0\")/hanging\"\ntrap '' TERM\nsleep 1000 &\nwait\nwait\nwait\n");
    write_program(n.path("wait"), "#!/bin/sh\necho $$ >> \"$(dirname \"$0\")/hanging\"\nexec sleep 1000\n");
    apply(std::move(stack));
  }
  void apply(std::string stack) {
    n.rewrite_stack(std::move(stack));
    auto applied = n.cli({"apply", "-f", n.path("duende.toml")});
    INFO(applied.err);
    REQUIRE(applied.status == 0);
  }
  std::vector<std::string> told() { return lines_of(read_file(n.path("told"))); }
  std::vector<pid_t> hanging() {
    std::vector<pid_t> pids;
    for (auto& line : lines_of(read_file(n.path("hanging"))))
      pids.push_back(std::atoi(line.c_str()));
    return pids;
  }
  bool event(const std::string& text) {
    auto all = n.events();
    return std::any_of(all.begin(), all.end(), [&](auto& e) {
      return e["text"].template get<std::string>().find(text) != std::string::npos;
    });
  }
};

} // namespace

TEST_CASE("hooks run in their order and are told why", "[hooks]") {
  with_hooks t{daemon(
    "idle", "[daemon.restart]\nnext_delay = \"10ms\"\n[daemon.hooks]\npre_start = [\"@DIR@/tell\"]\npost_start = "
            "[\"@DIR@/tell\"]\n"
            "pre_stop = [\"@DIR@/tell\"]\npost_stop = [\"@DIR@/tell\", \"@DIR@/tell\"]\nreload = [\"@DIR@/tell\"]\n")};
  t.n.until("the first life", [&] { return t.told().size() == 2; });
  auto first = std::to_string(t.n.pid_of_daemon("w"));
  CHECK(t.told()[0] == "pre_start w 0 none ");
  CHECK(t.told()[1] == "post_start w 0 " + first + " ");

  kill(t.n.pid_of_daemon("w"), SIGKILL);
  t.n.until("the second life", [&] { return t.told().size() == 6; });
  CHECK(t.told()[2] == "post_stop w 0 none killed by SIGKILL");
  CHECK(t.told()[3] == t.told()[2]);
  CHECK(t.told()[4] == "pre_start w 1 none killed by SIGKILL");
  auto second = std::to_string(t.n.pid_of_daemon("w"));
  CHECK(t.told()[5] == "post_start w 1 " + second + " killed by SIGKILL");

  CHECK(t.n.cli({"reload", "w"}).status == 0);
  CHECK(t.told().at(6) == "reload w 1 " + second + " killed by SIGKILL"); // the command waits for the hook

  CHECK(t.n.cli({"stop", "w"}).status == 0);
  REQUIRE(t.told().size() == 10);
  CHECK(t.told()[7] == "pre_stop w 1 " + second + " killed by SIGKILL");
  CHECK(t.told()[8].rfind("post_stop w 1 none ", 0) == 0);

  // What they print is in the daemon's log, in order.
  t.n.until("the log is written", [&] {
    auto log = t.n.cli({"logs", "w", "-n", "100"}).out;
    return log.find("said by pre_start") < log.find("said by post_start")
           && log.find("said by post_start") < log.find("said by post_stop");
  });
}

TEST_CASE("a failing pre_start is a failed start, a hanging one too", "[hooks]") {
  with_hooks t{daemon(
    "idle", "[daemon.restart]\npolicy = \"max-retries\"\nmax_retries = 2\nnext_delay = \"10ms\"\n"
            "[daemon.hooks]\npre_start = [{ command = \"sh -c 'exit 3'\", timeout = \"5s\" }]\non_give_up = "
            "[\"@DIR@/tell\"]\n")};
  t.n.until_state("w", "failed");
  auto w = t.n.ps("w");
  CHECK(w["last_exit"]["cause"] == "spawn");
  CHECK_THAT(
    w["last_exit"]["text"].get<std::string>(), Contains("pre_start 'sh -c 'exit 3''") || Contains("pre_start"));
  CHECK_THAT(w["last_exit"]["text"].get<std::string>(), Contains("exited with code 3"));
  CHECK(records(t.n.path("w")).empty()); // the daemon itself never began
  t.n.until("on_give_up ran", [&] { return t.told().size() == 1; });
  CHECK(t.told()[0].rfind("on_give_up w 2 none 2 retries used up", 0) == 0);

  t.apply(daemon(
    "idle",
    "[daemon.restart]\npolicy = \"never\"\n[daemon.hooks]\ntimeout = \"300ms\"\npre_start = [\"@DIR@/hang\"]\n"));
  auto begin = monotonic_ns();
  auto started = t.n.cli({"start", "w"});
  CHECK(started.status == 1);
  CHECK_THAT(started.err, Contains("timed out after 300ms"));
  CHECK(monotonic_ns() - begin < 5'000'000'000);
  auto pids = t.hanging();
  REQUIRE(pids.size() == 1);
  t.n.until("its whole group is gone", [&] { return pids_with(t.n.path("hang")).empty() && !alive(pids[0]); });
}

TEST_CASE("a stop ends a pre_start, and waits for a pre_stop no longer than its time", "[hooks]") {
  with_hooks t{daemon("idle", "[daemon.hooks]\npre_start = [\"@DIR@/wait\"]\n")};
  t.n.until("the hook runs", [&] { return t.hanging().size() == 1; });
  CHECK(t.n.state("w") == "starting");
  CHECK(t.n.cli({"stop", "w"}).status == 0);
  CHECK(t.n.state("w") == "stopped");
  CHECK_FALSE(alive(t.hanging()[0]));
  CHECK(records(t.n.path("w")).empty());

  t.apply(daemon("idle", "[daemon.hooks]\npre_stop = [{ command = \"@DIR@/hang\", timeout = \"400ms\" }]\n"));
  CHECK(t.n.cli({"start", "w"}).status == 0);
  auto begin = monotonic_ns();
  CHECK(t.n.cli({"stop", "w"}).status == 0);
  auto took = monotonic_ns() - begin;
  CHECK(took > 350'000'000);
  CHECK(took < 5'000'000'000);
  CHECK(t.event("pre_stop '" + t.n.path("hang") + "': timed out after 400ms"));
  CHECK_FALSE(alive(t.hanging().back()));
}

TEST_CASE("a failing post_start is an event and nothing else", "[hooks]") {
  with_hooks t{daemon("idle", "[daemon.hooks]\npost_start = [\"sh -c 'exit 1'\", \"@DIR@/tell\"]\n")};
  t.n.until("the event", [&] { return t.event("post_start"); });
  CHECK(t.n.state("w") == "running");
  CHECK(t.n.ps("w")["restarts"] == 0);
  CHECK(t.told().empty()); // the rest of the list is left out
}

TEST_CASE("a killed node leaves no hook and no second daemon", "[hooks]") {
  with_hooks t{daemon("idle", "[daemon.hooks]\npre_start = [\"@DIR@/wait\"]\n")};
  auto kill_node = [&] {
    auto before = t.n.pid_of("duended");
    kill(before, SIGKILL);
    t.n.until("the node is back", [&] { return t.n.pid_of("duended") != before && t.n.get("/healthz").status == 200; });
  };
  t.n.until("the hook runs", [&] { return t.hanging().size() == 1; });
  kill_node();
  t.n.until("it runs anew", [&] { return t.hanging().size() == 2; });
  t.n.until("the first one is gone", [&] { return !alive(t.hanging()[0]); });
  CHECK(alive(t.hanging()[1]));
  CHECK(records(t.n.path("w")).empty());

  // Of a daemon that runs: post_start again, the same process.
  t.apply(daemon("idle", "[daemon.hooks]\npost_start = [\"@DIR@/wait\"]\n"));
  t.n.cli({"restart", "w"});
  t.n.until("post_start runs", [&] { return t.hanging().size() == 3; });
  auto pid = t.n.pid_of_daemon("w");
  kill_node();
  t.n.until("post_start runs anew", [&] { return t.hanging().size() == 4; });
  t.n.until("the one before is gone", [&] { return !alive(t.hanging()[2]); });
  CHECK(t.n.pid_of_daemon("w") == pid);
  CHECK(records(t.n.path("w")).size() == 1);

  // Between two lives: post_stop again, then the next one.
  t.apply(daemon("idle", "[daemon.hooks]\npost_stop = [{ command = \"@DIR@/wait\", timeout = \"2s\" }]\n"));
  t.n.cli({"restart", "w"}); // the next life has them
  pid = t.n.pid_of_daemon("w");
  t.n.post("/v1/daemons/w/restart?wait=false");
  t.n.until("post_stop runs", [&] { return t.hanging().size() >= 5; });
  kill_node();
  t.n.until(
    "the next life", [&] { return t.n.state("w") == "running" && t.n.pid_of_daemon("w") != pid; }, 20);
  CHECK(pids_with(t.n.path("w")).size() == 1);
}
