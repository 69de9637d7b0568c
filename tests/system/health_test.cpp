// Health checks of real daemons: what they see, and what follows.
#include "tests/support/catch.hpp"
#include "tests/system/node.hpp"

#include <csignal>

using namespace duende::test;

namespace {

/// Checked by whether @DIR@/ok is there.
std::string checked(const std::string& more = {}) {
  return "[[daemon]]\nname = \"d\"\ncommand = \"@WORKER@ @DIR@/d gentle\"\n"
         "restart = { policy = \"always\", next_delay = \"0s\" }\n[daemon.health_check]\ntype = \"exec\"\n"
         "command = [\"test\", \"-e\", \"@DIR@/ok\"]\ninterval = \"50ms\"\ntimeout = \"5s\"\nretries = 2\n"
         + more;
}

std::string health(const node& n) {
  auto daemon = n.ps("d");
  return daemon.is_object() ? daemon.value("health", "") : "";
}

std::vector<json> events(const node& n, const std::string& kind) {
  std::vector<json> result;
  for (auto& event : n.events())
    if (event["kind"] == kind && event["daemon"] == "d")
      result.push_back(event);
  return result;
}

} // namespace

TEST_CASE("an unhealthy daemon is restarted, for that cause", "[health]") {
  node n{checked()};
  write_file(n.path("ok"), "");
  n.until("it is healthy", [&] { return health(n) == "healthy" && n.state("d") == "running"; });
  auto restarts = n.ps("d")["restarts"].get<int>();
  auto before = n.pid_of_daemon("d");
  std::remove(n.path("ok").c_str());
  n.until("it is restarted", [&] { return n.ps("d")["restarts"].get<int>() > restarts; });
  write_file(n.path("ok"), "");
  n.until("it is healthy again", [&] { return health(n) == "healthy"; });
  CHECK(n.pid_of_daemon("d") != before);
  CHECK(n.ps("d")["last_exit"]["cause"] == "health");
  CHECK_THAT(
    n.ps("d")["last_exit"]["text"].get<std::string>(),
    Contains("unhealthy: 2 failures in a row: run 'test -e ") && Contains("exited with code 1"));
  CHECK_THAT(events(n, "health").back()["text"].get<std::string>(), Contains("d: "));
  auto metrics = http(n.metrics_address(), "GET", "/metrics").body;
  CHECK_THAT(metrics, Contains("duende_health_check_seconds_count{daemon=\"d\"") && Contains("outcome=\"failed\""));
  CHECK_THAT(metrics, Contains("duende_daemon_health{daemon=\"d\""));
}

TEST_CASE("what is only reported goes on", "[health]") {
  node n{checked("on_unhealthy = \"report\"\n")};
  n.until("it is unhealthy", [&] { return health(n) == "unhealthy"; });
  auto pid = n.pid_of_daemon("d");
  CHECK_THAT(n.cli({"ps"}).out, Contains("unhealthy"));
  write_file(n.path("ok"), "");
  n.until("it is healthy", [&] { return health(n) == "healthy"; });
  CHECK(n.pid_of_daemon("d") == pid);
  CHECK_THAT(events(n, "health").back()["text"].get<std::string>(), Contains("d: healthy again"));
}

TEST_CASE("a paused daemon is not checked, one of a node that came again is", "[health]") {
  node n{checked()};
  write_file(n.path("ok"), "");
  n.until("it is healthy", [&] { return health(n) == "healthy"; });
  REQUIRE(n.cli({"pause", "d"}).status == 0);
  std::remove(n.path("ok").c_str());
  auto restarts = n.ps("d")["restarts"];
  CHECK_FALSE(eventually(0.5, [&] { return n.ps("d")["restarts"] != restarts; }));
  write_file(n.path("ok"), "");
  REQUIRE(n.cli({"resume", "d"}).status == 0);
  auto pid = n.pid_of_daemon("d");
  kill(n.pid_of("duended"), SIGKILL);
  n.until(
    "the node is back and has checked it", [&] { return health(n) == "healthy"; }, 20);
  CHECK(n.pid_of_daemon("d") == pid);
  std::remove(n.path("ok").c_str());
  n.until("it is restarted", [&] {
    return n.ps("d")["last_exit"].is_object() && n.ps("d")["last_exit"]["cause"] == "health";
  });
}

TEST_CASE("a check that never answers ends in time, and all that it started", "[health]") {
  node n{checked("on_unhealthy = \"report\"\n")};
  n.rewrite_stack(
    "[[daemon]]\nname = \"d\"\ncommand = \"@WORKER@ @DIR@/d gentle\"\n[daemon.health_check]\ntype = \"exec\"\n"
    "command = [\"sh\", \"-c\", \"sleep 987 & sleep 987\"]\ninterval = \"100ms\"\ntimeout = \"200ms\"\nretries = 2\n"
    "on_unhealthy = \"report\"\n");
  auto pid = n.pid_of_daemon("d");
  auto applied = n.cli({"apply", "-f", n.path("duende.toml")});
  INFO(applied.err);
  REQUIRE(applied.status == 0);
  n.until("it is unhealthy", [&] { return health(n) == "unhealthy"; });
  CHECK(n.pid_of_daemon("d") == pid); // other checks need no restart
  CHECK_THAT(events(n, "health").back()["text"].get<std::string>(), Contains("no answer within 200ms"));
  n.rewrite_stack("[[daemon]]\nname = \"d\"\ncommand = \"@WORKER@ @DIR@/d gentle\"\n");
  REQUIRE(n.cli({"apply", "-f", n.path("duende.toml")}).status == 0);
  n.until("nothing of it is left", [&] {
    for (auto each : n.tree())
      if (read_file("/proc/" + std::to_string(each) + "/cmdline").find("987") != std::string::npos)
        return false;
    return true;
  });
}

TEST_CASE("servers are asked over TCP and HTTP", "[health]") {
  auto port = free_port();
  auto type = GENERATE(as<std::string>{}, "tcp", "http");
  auto where = "127.0.0.1:" + std::to_string(port);
  node n{
    "[[daemon]]\nname = \"d\"\ncommand = \"/usr/bin/python3 -m http.server --bind 127.0.0.1 " + std::to_string(port)
    + "\"\nready = { type = \"tcp\", address = \"" + where + "\" }\n[daemon.health_check]\ntype = \"" + type + "\"\n"
    + (type == "tcp" ? "address = \"" + where + "\"\n" : "url = \"http://" + where + "/nothing\"\nexpect = [200]\n")
    + "interval = \"50ms\"\nretries = 1\non_unhealthy = \"report\"\n"};
  n.until(
    "the answer is known", [&] { return health(n) == (type == "tcp" ? "healthy" : "unhealthy"); }, 20);
  if (type == "http")
    CHECK_THAT(events(n, "health").back()["text"].get<std::string>(), Contains("status 404, expected 200"));
}

TEST_CASE("an unhealthy daemon that is to stop the line waits for a person", "[health][F079]") {
  node n{
    checked("on_unhealthy = \"stop-line\"\n")
    + "[[daemon]]\nname = \"after\"\ncommand = \"@WORKER@ @DIR@/after exit 0 1\"\ndepends_on = [\"d\"]\n"
      "restart = { policy = \"always\", initial_delay = \"50ms\", next_delay = \"50ms\" }\n"};
  n.until_state("d", "failed");
  CHECK(n.ps("d")["last_exit"]["cause"] == "policy");
  auto raised = events(n, "andon");
  REQUIRE(raised.size() == 1);
  CHECK_THAT(
    raised[0]["text"].get<std::string>(), Contains("line stopped: 2 failures in a row")
                                            && Contains("held meanwhile: after")
                                            && Contains("'duende start d' acknowledges"));
  n.until("its dependant is held", [&] { return n.state("after") == "created" || n.state("after") == "stopped"; });
  auto starts = records(n.path("after")).size();
  CHECK_FALSE(eventually(0.4, [&] { return records(n.path("after")).size() != starts; }));
  CHECK_THAT(
    http(n.metrics_address(), "GET", "/metrics").body,
    Contains("duende_policy_violations_total{daemon=\"d\"") && Contains("gate=\"health_check\",kind=\"health\"} 1"));
  write_file(n.path("ok"), "");
  REQUIRE(n.cli({"start", "d"}).status == 0);
  n.until("its dependant goes on", [&] { return records(n.path("after")).size() > starts; });
}
