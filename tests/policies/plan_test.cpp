#include "policies/plan.hpp"

#include "tests/support/catch.hpp"

#include <functional>

using namespace duende;

namespace {

daemon_spec daemon(std::string name) {
  daemon_spec spec;
  spec.name = std::move(name);
  spec.binary_path = "/bin/true";
  return spec;
}

std::vector<std::string> lines(const apply_plan& plan) {
  std::vector<std::string> result;
  for (const auto& step : plan.steps)
    result.push_back(to_string(step));
  return result;
}

} // namespace

TEST_CASE("a plan names additions, changes and removals") {
  stack present, wanted;
  present.daemons = {daemon("old"), daemon("db"), daemon("same")};
  wanted.daemons = {daemon("web"), daemon("same"), daemon("db")};
  wanted.daemons.edit(2).args = {"-x"};
  wanted.daemons.edit(2).env = {{"A", "1"}};
  const auto plan = make_plan(present, wanted);
  CHECK(lines(plan) == std::vector<std::string>{"+ web", "~ db (args, env): restarts", "- old"});
  CHECK(plan.unchanged == 1);
}

TEST_CASE("a stack against itself is no plan") {
  stack same;
  same.daemons = {daemon("a"), daemon("b")};
  same.supervisors = {{"shop"}};
  const auto plan = make_plan(same, same);
  CHECK(plan.steps.empty());
  CHECK(plan.unchanged == 2);
}

TEST_CASE("supervisors go parents first, and come apart children first") {
  stack present, wanted;
  present.supervisors = {{"outer"}, {"inner", "outer"}, {"kept"}};
  present.daemons = {daemon("old")};
  wanted.supervisors = {{"kept"}, {"new"}};
  wanted.supervisors[0].intensity.restarts = 9;
  const auto plan = make_plan(present, wanted);
  CHECK(
    lines(plan)
    == std::vector<std::string>{
      "~ supervisor kept (intensity)", "+ supervisor new", "- old", "- supervisor inner", "- supervisor outer"});
}

TEST_CASE("each key is seen, and restarts only where it must") {
  struct row {
    std::string key;
    bool restarts;
    std::function<void(daemon_spec&)> change;
  };
  const std::vector<row> table = {
    {"supervisor", true, [](auto& d) { d.supervisor = "s"; }},
    {"version", false, [](auto& d) { d.version = "2"; }},
    {"description", false, [](auto& d) { d.description = "d"; }},
    {"backend", true, [](auto& d) { d.backend = "b"; }},
    {"binary_path", true, [](auto& d) { d.binary_path = "/x"; }},
    {"args", true, [](auto& d) { d.args = {"x"}; }},
    {"env", true,
     [](auto& d) {
       d.env = {{"X", "1"}};
     }},
    {"inherit_env", true, [](auto& d) { d.inherit_env.all = true; }},
    {"user", true, [](auto& d) { d.user = "u"; }},
    {"group", true, [](auto& d) { d.group = "g"; }},
    {"working_dir", true, [](auto& d) { d.working_dir = "/"; }},
    {"autostart", false, [](auto& d) { d.autostart = false; }},
    {"depends_on", false,
     [](auto& d) {
       d.depends_on = {{"x", milestone::ready}};
     }},
    {"stop_signal", false, [](auto& d) { d.stop_signal = SIGINT; }},
    {"shutdown_timeout", false, [](auto& d) { d.shutdown_timeout = 1s; }},
    {"pid_file", true, [](auto& d) { d.pid_file = "/p"; }},
    {"restart.policy", false, [](auto& d) { d.restart.kind = restart_kind::always; }},
    {"restart.max_retries", false, [](auto& d) { d.restart.retries = 1; }},
    {"restart.initial_delay", false, [](auto& d) { d.restart.initial_delay = 1s; }},
    {"restart.next_delay", false, [](auto& d) { d.restart.next_delay = 1s; }},
    {"restart.multiplier", false, [](auto& d) { d.restart.multiplier = 3; }},
    {"restart.max_delay", false, [](auto& d) { d.restart.max_delay = 1s; }},
    {"restart.jitter", false, [](auto& d) { d.restart.jitter = 0; }},
    {"restart.reset_after", false, [](auto& d) { d.restart.reset_after = 1s; }},
    {"restart.success_codes", false, [](auto& d) { d.restart.success_codes = {1}; }},
    {"ready.type", true, [](auto& d) { d.ready.type = readiness_type::notify; }},
    {"ready.timeout", true, [](auto& d) { d.ready.timeout = 1s; }},
    {"ready.address", true, [](auto& d) { d.ready.address = "a:1"; }},
    {"ready.url", true, [](auto& d) { d.ready.url = "http://a"; }},
    {"ready.expect", true, [](auto& d) { d.ready.expect = {204}; }},
    {"ready.command", true, [](auto& d) { d.ready.command = {"x"}; }},
    {"ready.pattern", true, [](auto& d) { d.ready.pattern = "x"; }},
    {"ready.fd", true, [](auto& d) { d.ready.fd = 4; }},
    {"health_check", false, [](auto& d) { d.watchdog = watchdog_spec{}; }},
    {"health_check", false, [](auto& d) { d.health.obtain(); }},
    {"circuit_breaker", false, [](auto& d) { d.breaker.obtain(); }},
    {"jidoka", false, [](auto& d) { d.jidoka.obtain(); }},
    {"resources.open_files_max", false, [](auto& d) { d.open_files_max = 9; }},
    {"security.no_new_privileges", true, [](auto& d) { d.no_new_privileges = true; }},
    {"logs.dir", true, [](auto& d) { d.logs.dir = "/l"; }},
    {"logs.max_bytes", true, [](auto& d) { d.logs.max_bytes = 1; }},
    {"logs.max_files", true, [](auto& d) { d.logs.max_files = 1; }},
    {"logs.timestamps", true, [](auto& d) { d.logs.timestamps = false; }},
    {"logs.merge_stderr", true, [](auto& d) { d.logs.merge_stderr = true; }},
    {"hooks", false, [](auto& d) { d.hooks.obtain().timeout = 1s; }},
    {"watch", false, [](auto& d) { d.watch.obtain().paths = {"/w"}; }},
    {"schedule", true, [](auto& d) { d.schedule.obtain().every = 1s; }},
  };
  for (const auto& row : table) {
    stack present, wanted;
    present.daemons = wanted.daemons = {daemon("db")};
    row.change(wanted.daemons.edit(0));
    const auto plan = make_plan(present, wanted);
    INFO(row.key);
    REQUIRE(plan.steps.size() == 1);
    CHECK(plan.steps[0].keys == std::vector<std::string>{row.key});
    CHECK(plan.steps[0].restarts == row.restarts);
    CHECK(plan.unchanged == 0);
  }
}
