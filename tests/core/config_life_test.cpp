// Hooks, watch and schedule in a configuration: what is read, and what does not fit together.
#include "core/config/load.hpp"
#include "tests/core/config_support.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

using namespace duende;

namespace {

constexpr const char* head = "[[daemon]]\nname = \"a\"\nbinary_path = \"x\"\n";

load_result loaded(const std::string& more) { return load_text(head + more, config_format::toml, "f.toml", "/etc/x"); }

std::string faults_of(const std::string& more) {
  std::string result;
  for (auto& each : loaded(more).errors)
    result += to_string(each) + "\n";
  return result;
}

} // namespace

TEST_CASE("hooks are split as a shell would, with a time each", "[config]") {
  auto result =
    loaded("[daemon.hooks]\npre_start = [\"./migrate.sh 'a b'\", { command = \"true\", timeout = \"5m\" }]\n"
           "on_give_up = [\"mail ops\"]\ntimeout = \"10s\"\n");
  REQUIRE(result.ok());
  auto& hooks = *result.value.daemons[0].hooks;
  REQUIRE(hooks.pre_start.size() == 2);
  CHECK(hooks.pre_start[0] == hook_command{{"/etc/x/migrate.sh", "a b"}, std::nullopt});
  CHECK(hooks.pre_start[1] == hook_command{{"true"}, 5min});
  CHECK(hooks.on_give_up[0].words == std::vector<std::string>{"mail", "ops"});
  CHECK(hooks.timeout == 10s);
  auto back = load_daemon_json(to_json(result.value.daemons[0]).dump(), "/elsewhere");
  REQUIRE(back.ok());
  CHECK(back.value.daemons[0] == result.value.daemons[0]);
  CHECK_FALSE(loaded("[daemon.hooks]\npre_stop = []\n").value.daemons[0].hooks);
}

TEST_CASE("what is wrong with a hook has a place", "[config]") {
  CHECK(
    faults_of("[daemon.hooks]\npre_start = \"x\"")
    == "f.toml:5:13: 'hooks.pre_start': expected an array of commands, found a string\n");
  CHECK_THAT(
    faults_of("[daemon.hooks]\npre_start = [\"\"]"), Contains("f.toml:5:14: 'hooks.pre_start': an empty command"));
  CHECK_THAT(faults_of("[daemon.hooks]\npre_start = [\"a | b\"]"), Contains("f.toml:5:14: 'hooks.pre_start': "));
  CHECK_THAT(faults_of("[daemon.hooks]\npre_start = [3]"), Contains("expected a command, found an integer"));
  CHECK_THAT(faults_of("[daemon.hooks]\npre_start = [{ timeout = \"3s\" }]"), Contains("a hook without 'command'"));
  CHECK_THAT(
    faults_of("[daemon.hooks]\npre_start = [{ command = \"x\", timout = \"3s\" }]"),
    Contains("unknown key 'timout'") && Contains("did you mean 'timeout'"));
  CHECK_THAT(faults_of("[daemon.hooks]\ntimeout = \"0s\""), Contains("out of range"));
  CHECK_THAT(
    faults_of("[daemon.hooks]\nprestart = []"), Contains("unknown key 'hooks.prestart'") && Contains("pre_start"));
}

TEST_CASE("a schedule is an interval or a calendar, and runs to completion", "[config]") {
  auto every = loaded("[daemon.schedule]\nevery = \"15m\"\n");
  REQUIRE(every.ok());
  CHECK(every.value.daemons[0].schedule->every == 15min);
  CHECK(every.value.daemons[0].restart.kind == restart_kind::never); // nothing else was written
  auto retried = loaded("[daemon.restart]\npolicy = \"on-failure\"\n[daemon.schedule]\ncalendar = \"hourly\"\njitter = "
                        "\"1m\"\ncatch_up = true\n");
  REQUIRE(retried.ok());
  CHECK(retried.value.daemons[0].restart.kind == restart_kind::on_failure);
  for (auto* one : {&every, &retried}) {
    auto back = load_daemon_json(to_json(one->value.daemons[0]).dump(), "/elsewhere");
    REQUIRE(back.ok());
    CHECK(back.value.daemons[0] == one->value.daemons[0]);
  }
  CHECK_THAT(
    faults_of("[daemon.schedule]\njitter = \"1m\""),
    Contains("f.toml:4:1: 'schedule' needs 'schedule.every' or 'schedule.calendar'"));
  CHECK_THAT(faults_of("[daemon.schedule]\nevery = \"1m\"\ncalendar = \"daily\""), Contains("exclude each other"));
  CHECK_THAT(
    faults_of("[daemon.schedule]\ncalendar = \"Fri..Mon\""),
    Contains("f.toml:5:12: 'schedule.calendar': 'Fri..Mon' is no calendar expression"));
  CHECK_THAT(faults_of("[daemon.schedule]\ncalendar = \"3:00 Nowhere\""), Contains("no time zone 'Nowhere'"));
  CHECK_THAT(
    faults_of("[daemon.restart]\npolicy = \"always\"\n[daemon.schedule]\nevery = \"1m\""),
    Contains("f.toml:5:10: 'restart.policy' = \"always\" keeps a daemon alive"));
}

TEST_CASE("watched paths are absolute, the rest has its defaults", "[config]") {
  auto result = loaded("[daemon.watch]\npaths = [\"build/\", \"/srv/x.conf\"]\n");
  REQUIRE(result.ok());
  auto& watch = *result.value.daemons[0].watch;
  CHECK(watch.paths == std::vector<std::string>{"/etc/x/build", "/srv/x.conf"});
  CHECK(watch.ignore == std::vector<std::string>{".git", "*.swp", "*~"});
  CHECK(watch.debounce == 200ms);
  CHECK(watch.recursive);
  CHECK_FALSE(loaded("[daemon.watch]\npaths = []\n").value.daemons[0].watch);
  CHECK_THAT(faults_of("[daemon.watch]\nrecursive = false"), Contains("'watch' without 'paths'"));
  CHECK_THAT(faults_of("[daemon.watch]\npaths = [\"\"]"), Contains("an empty path"));
}
