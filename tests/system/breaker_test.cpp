// The circuit breaker of real daemons.
#include "tests/support/catch.hpp"
#include "tests/system/node.hpp"

#include <csignal>

using namespace duende::test;

namespace {

std::string failing(const std::string& breaker, const std::string& command = "@WORKER@ @DIR@/d exit 0 1") {
  return "[[daemon]]\nname = \"d\"\ncommand = \"" + command
         + "\"\nrestart = { policy = \"always\", next_delay = \"0s\", reset_after = \"100ms\" "
           "}\n[daemon.circuit_breaker]\n"
         + breaker;
}

std::vector<std::string> words(const node& n) {
  std::vector<std::string> result;
  for (auto& event : n.events())
    if (event["kind"] == "breaker")
      result.push_back(event["text"]);
  return result;
}

} // namespace

TEST_CASE("after so many failures the daemon is left alone, then tried once", "[F065][F066][F067]") {
  node n{failing("failure_threshold = 4\nrecovery_timeout = \"700ms\"\nsuccess_threshold = 1\n")};
  n.until_state("d", "backoff");
  n.until("it is open", [&] { return !words(n).empty(); });
  CHECK(records(n.path("d")).size() == 4);
  CHECK_THAT(n.ps("d")["status_text"].get<std::string>(), Contains("circuit breaker open for "));
  CHECK_THAT(words(n)[0], Contains("d: circuit breaker open for") && Contains("after 4 failures in a row"));
  CHECK_THAT(
    http(n.metrics_address(), "GET", "/metrics").body, Contains("duende_circuit_breaker_transitions_total{daemon=\"d\"")
                                                         && Contains("to=\"open\"} 1")
                                                         && Contains("duende_circuit_breaker_state{daemon=\"d\""));
  n.until("it was tried", [&] { return records(n.path("d")).size() == 5; });
  auto starts = records(n.path("d"));
  CHECK((starts[4].ns - starts[3].ns) / 1'000'000 >= 690); // not before its time
  n.until("it is open again", [&] { return words(n).size() >= 3; });
  CHECK_THAT(words(n)[1], Contains("half-open: one start is tried"));
  CHECK_THAT(words(n)[2], Contains("after 1 failure"));
  CHECK(records(n.path("d")).size() == 5); // one trial
}

TEST_CASE("a trial that lasts closes the breaker", "[F067]") {
  node n{failing(
    "failure_threshold = 2\nrecovery_timeout = \"200ms\"\nsuccess_threshold = 2\n",
    "sh -c 'test -e @DIR@/ok && exec sleep 1000; exit 1'")};
  n.until("it is open", [&] { return !words(n).empty(); });
  write_file(n.path("ok"), "");
  n.until_state("d", "running");
  n.until("it is closed", [&] { return words(n).back() == "d: circuit breaker closed again"; });
  CHECK(n.state("d") == "running");
}

TEST_CASE("an operator's start goes before the breaker, and a node that comes again remembers it", "[breaker]") {
  node n{failing("failure_threshold = 3\nrecovery_timeout = \"1h\"\n")};
  n.until("it is open", [&] { return !words(n).empty(); });
  n.until_state("d", "backoff");
  auto before = records(n.path("d")).size();
  kill(n.pid_of("duended"), SIGKILL);
  n.until(
    "the node is back", [&] { return n.state("d") == "backoff"; }, 20);
  CHECK_THAT(n.ps("d")["status_text"].get<std::string>(), Contains("circuit breaker open for "));
  CHECK(n.ps("d")["next_restart_seconds"].get<double>() > 3000);
  CHECK(records(n.path("d")).size() == before);
  n.cli({"start", "d"});
  n.until("it was started, and left alone again", [&] { return records(n.path("d")).size() == before + 3; });
  n.until_state("d", "backoff");
}
