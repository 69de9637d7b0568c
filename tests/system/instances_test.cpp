// Several instances of one daemon: replaced one after another while the others serve.
#include "tests/support/catch.hpp"
#include "tests/system/asking_client.hpp"
#include "tests/system/node.hpp"

#include <algorithm>
#include <set>

#include <signal.h>

using namespace duende::test;

namespace {

std::string web(int port, const std::string& mode = "serve", const std::string& more = {}) {
  return R"(
[[daemon]]
name = "web"
command = "@WORKER@ @DIR@/web )"
         + mode + R"("
instances = 2
ready = { type = "tcp", address = "127.0.0.1:)"
         + std::to_string(port) + R"(" }
)" + more + R"(  [[daemon.socket]]
  listen = "127.0.0.1:)"
         + std::to_string(port) + "\"\n";
}

std::set<pid_t> pids(const node& n) {
  std::set<pid_t> result;
  for (auto& [name, one] : n.ps())
    if (one.value("instance_of", "") == "web")
      result.insert(one.value("pid", 0));
  return result;
}

} // namespace

TEST_CASE("a rolling restart replaces every instance and fails no request") {
  auto port = free_port();
  auto more = GENERATE(std::string{}, std::string{"rolling = { max_unavailable = 1 }\n"});
  node n{web(port, "serve", more)};
  n.until_state("web-1", "running");
  n.until_state("web-2", "running");
  auto before = pids(n);
  CHECK(before.size() == 2);
  asking_client asking{"127.0.0.1:" + std::to_string(port)};
  auto rolled = n.cli({"restart", "--rolling", "-v", "web"});
  asking.end();
  INFO(rolled.err);
  CHECK(rolled.status == 0);
  CHECK(rolled.out == "web-1: running\nweb-2: running\n");
  CHECK(asking.failed == 0);
  CHECK(asking.answered > 0);
  auto after = pids(n);
  CHECK(after.size() == 2); // the one that helped out has gone
  for (auto pid : before)
    CHECK_FALSE(after.contains(pid));
}

TEST_CASE("a version that does not get ready stops the roll-out and leaves the old ones alone") {
  auto port = free_port();
  node n{web(port)};
  n.until_state("web-1", "running");
  n.until_state("web-2", "running");
  auto before = pids(n);
  asking_client asking{"127.0.0.1:" + std::to_string(port)};
  n.rewrite_stack(web(port, "exit 0 4"));
  auto applied = n.cli({"apply", "-f", n.path("duende.toml")});
  asking.end();
  CHECK(applied.status == 1);
  CHECK(applied.err.find("the roll-out of 'web' stops: 'web-surge' did not get ready") != std::string::npos);
  CHECK(applied.err.find("exited with code 4") != std::string::npos);
  CHECK(asking.failed == 0);
  CHECK(pids(n) == before);
  auto plan = n.cli({"apply", "-f", n.path("duende.toml"), "--dry-run"});
  CHECK(plan.out.find("~ web-1") != std::string::npos); // what runs is still the old version
  n.rewrite_stack(web(port, "serve", "description = \"good\"\nenv = { V = \"2\" }\n"));
  CHECK(n.cli({"apply", "-f", n.path("duende.toml")}).status == 0);
  auto after = pids(n);
  CHECK(after.size() == 2);
  for (auto pid : before)
    CHECK_FALSE(after.contains(pid));
}

TEST_CASE("a node told to stop during a roll-out does not wait for whoever asked for it") {
  node n{R"(
[[daemon]]
name = "web"
binary_path = "/bin/sh"
args = ["-c", "test -e @DIR@/slow || echo up; exec sleep 100000"]
instances = 2
ready = { type = "log", pattern = "up", timeout = "5m" }
)"};
  n.until_state("web-2", "running");
  write_file(n.path("slow"), "");
  outcome asked;
  std::thread asking{[&] { asked = n.cli({"restart", "--rolling", "web"}); }};
  n.until_state("web-surge", "starting");
  kill(n.pid(), SIGTERM);
  CHECK(eventually(10, [&] { return !alive(n.pid()); }));
  asking.join();
  CHECK(asked.status == 1);
  INFO(asked.err);
  CHECK(asked.err.find("cannot restart 'web'") != std::string::npos);
}

TEST_CASE("more and fewer instances leave the others alone") {
  auto port = free_port();
  node n{web(port) + "[[daemon]]\nname = \"user\"\ncommand = \"@WORKER@ @DIR@/user\"\ndepends_on = [\"web\"]\n"};
  n.until_state("user", "running");
  auto before = n.ps();
  REQUIRE(n.cli({"scale", "web", "4"}).status == 0);
  n.until_state("web-4", "running");
  for (auto& [name, was] : before)
    CHECK(n.ps(name)["pid"] == was["pid"]);
  CHECK(n.cli({"ps", "web"}).out.find("web-3") != std::string::npos);
  REQUIRE(n.cli({"scale", "web", "1"}).status == 0);
  CHECK(n.ps().size() == 2);
  CHECK(n.ps("web-1")["pid"] == before["web-1"]["pid"]);
  CHECK(n.ps("user")["pid"] == before["user"]["pid"]);
  auto none = n.cli({"scale", "wob", "2"});
  CHECK(none.status == 3);
  CHECK(none.err.find("did you mean 'web'?") != std::string::npos);
  CHECK(n.cli({"scale", "web", "0"}).status != 0);
}

TEST_CASE("the name of all instances stands for each of them") {
  auto port = free_port();
  node n{web(port)};
  n.until_state("web-2", "running");
  REQUIRE(n.cli({"stop", "web"}).status == 0);
  CHECK(n.state("web-1") == "stopped");
  CHECK(n.state("web-2") == "stopped");
  REQUIRE(n.cli({"start", "web"}).status == 0);
  n.until_state("web-1", "running");
}

TEST_CASE("events are chosen by name, also that of all instances, and by kind") {
  auto port = free_port();
  node n{web(port) + "[[daemon]]\nname = \"user\"\ncommand = \"@WORKER@ @DIR@/user\"\n"};
  n.until_state("web-2", "running");
  n.until_state("user", "running");
  auto chosen = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"events", "--json"});
    std::vector<std::string> texts;
    for (auto& each : json::parse(n.cli(words).out))
      texts.push_back(each["daemon"].get<std::string>() + " " + each["kind"].get<std::string>());
    return texts;
  };
  CHECK(chosen({"user", "--kind", "starting"}) == std::vector<std::string>{"user starting"});
  auto of_web = chosen({"web", "--kind", "starting,give_up"});
  std::sort(of_web.begin(), of_web.end());
  CHECK(of_web == std::vector<std::string>{"web-1 starting", "web-2 starting"});
  CHECK(chosen({"nobody"}).empty());
  auto wrong = n.cli({"events", "--kind", "bang"});
  CHECK(wrong.status == 2);
  CHECK(wrong.err.find("'bang' is none of starting, running") != std::string::npos);
}
