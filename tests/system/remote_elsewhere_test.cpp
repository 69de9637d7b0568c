// A node on another machine: its processes have no numbers here that mean anything, and its files are not here at all.
#include "tests/support/catch.hpp"
#include "tests/system/remote_site.hpp"

#include <csignal>

#include <sys/stat.h>

using namespace duende::test;

namespace {

/// Processes of another machine have numbers that are nobody's or somebody else's here; its files are not here at all.
const std::vector<std::string> elsewhere = {"unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"};

} // namespace

TEST_CASE("down from another machine returns when the node has ended, not before and not never") {
  site here;
  node n{
    "[[daemon]]\nname = \"web\"\nbinary_path = \"/bin/sh\"\nargs = [\"-c\", \"trap 'sleep 2; exit 0' TERM; while :; do "
    "sleep "
    "0.1; done\"]\n",
    here.how()};
  n.until_state("web", "running");
  auto words = elsewhere;
  words.insert(
    words.end(), {program("duende"), "--url", here.url(), "--ca", here.dir.path("CA.pem"), "--token-file",
                  here.dir.path("full"), "down"});
  auto ended = run(words, {}, 40);
  INFO(ended.out << ended.err);
  CHECK(ended.status == 0);
  CHECK(holds(ended.out, "has stopped"));
  CHECK(n.get("/v1/node").status == 0);
  CHECK(n.wait(5) == 0);
}

TEST_CASE("down from another machine waits no longer than it was told to") {
  site here;
  node n{
    "[[daemon]]\nname = \"web\"\nbinary_path = \"/bin/sh\"\nargs = [\"-c\", \"trap '' TERM; while :; do sleep 0.1; "
    "done\"]\nshutdown_timeout = \"8s\"\n",
    here.how()};
  n.until_state("web", "running");
  auto ended = here.cli({"down", "--timeout", "1s"});
  INFO(ended.out << ended.err);
  CHECK(ended.status == 124);
  CHECK(holds(ended.err, "still stopping after 1s"));
}

TEST_CASE("an upgrade from another machine waits for the new node") {
  site here;
  node n{stack_of_one, here.how()};
  n.until_state("web", "running");
  auto words = elsewhere;
  words.insert(
    words.end(), {program("duende"), "--url", here.url(), "--ca", here.dir.path("CA.pem"), "--token-file",
                  here.dir.path("full"), "upgrade"});
  auto begun = monotonic_ns();
  auto upgraded = run(words, {}, 100);
  INFO(upgraded.out << upgraded.err);
  CHECK(upgraded.status == 0);
  CHECK(holds(upgraded.out, "took the place of"));
  CHECK(monotonic_ns() - begun < 20'000'000'000);
  CHECK(n.state("web") == "running");
}

TEST_CASE("logs of another machine are followed over its API, across a crash of the node") {
  site here;
  auto speak =
    [](const std::string& name) { // it holds its pipe open: nothing that is said is lost, and nobody waits to say it
      return "[[daemon]]\nname = \"" + name + "\"\nbinary_path = \"/bin/sh\"\nargs = [\"-c\", \"exec 3<>@DIR@/" + name
             + "; echo begins; while read -r line <&3; do echo heard $line; done\"]\n";
    };
  scratch pipes;
  auto stack = speak("a") + speak("b");
  for (std::size_t at; (at = stack.find("@DIR@")) != std::string::npos;)
    stack.replace(at, 5, pipes.path());
  for (auto name : {"a", "b"})
    REQUIRE(mkfifo(pipes.path(name).c_str(), 0600) == 0);
  node n{stack, here.how()};
  auto follow = [&](std::vector<std::string> more) {
    auto words = elsewhere;
    words.insert(
      words.end(),
      {"sh", "-c", "mount -t tmpfs none \"$0\" && exec \"$@\"", n.path("state"), program("duende"), "--url", here.url(),
       "--ca", here.dir.path("CA.pem"), "--token-file", here.dir.path("full"), "logs", "-f"});
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  auto shown = [&](const char* name) { return read_file(here.dir.path(name)); };
  background all{follow({}), here.dir.path("all")}, one{follow({"b"}), here.dir.path("one")},
    as_json{follow({"b", "--json"}), here.dir.path("json")};
  auto say = [&](const std::string& name, const std::string& text) { write_file(pipes.path(name), text + "\n"); };
  n.until("what was there is shown", [&] {
    return holds(shown("all"), "a      | 2") && holds(shown("all"), "b      | 2") && holds(shown("one"), "begins")
           && holds(shown("json"), "begins");
  });
  say("a", "first");
  say("b", "second");
  n.until("new lines are shown", [&] {
    return holds(shown("all"), "heard first") && holds(shown("all"), "heard second")
           && holds(shown("one"), "heard second") && holds(shown("json"), "heard second");
  });
  auto old = n.pid_of("duended");
  kill(old, SIGKILL);
  say("b", "third");
  n.until(
    "lines after the crash are shown",
    [&] {
      return holds(shown("all"), "heard third") && holds(shown("one"), "heard third")
             && holds(shown("json"), "heard third");
    },
    30);
  CHECK(n.pid_of("duended") != old);
  say("b", "fourth");
  n.until("and those that follow", [&] { return holds(shown("one"), "heard fourth"); });
  CHECK_FALSE(holds(shown("one"), "first"));
  for (const auto* name : {"all", "one", "json"})
    for (const auto* text : {"heard second", "heard third"}) {
      auto whole = shown(name);
      INFO(name << ": " << whole);
      CHECK(whole.find(text) == whole.rfind(text)); // once
    }
  for (const auto& line : lines_of(shown("json"))) {
    auto object = json::parse(line, nullptr, false);
    INFO(line);
    REQUIRE(object.is_object());
    CHECK(object["daemon"] == "b");
  }
}
