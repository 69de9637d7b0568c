// [daemon.health_check]: what is read, and what does not fit together.
#include "core/config/load.hpp"
#include "tests/core/config_support.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

using namespace duende;

namespace {

load_result health_loaded(const std::string& keys) {
  return load_text(
    "[[daemon]]\nname = \"a\"\nbinary_path = \"x\"\n[daemon.health_check]\n" + keys, config_format::toml, "f.toml",
    "/etc/x");
}

std::string health_faults(const std::string& keys) {
  std::string result;
  for (auto& each : health_loaded(keys).errors)
    result += to_string(each) + "\n";
  return result;
}

} // namespace

TEST_CASE("a health check of each type", "[config][health]") {
  auto result =
    health_loaded("type = \"http\"\nurl = \"http://127.0.0.1:8080/healthz\"\nexpect = [200, 204]\ninterval = \"5s\"\n"
                  "timeout = \"2s\"\nretries = 5\nstart_period = \"1m\"\non_unhealthy = \"stop-line\"\n");
  REQUIRE(result.ok());
  auto& health = *result.value.daemons[0].health;
  CHECK(health.type == health_type::http);
  CHECK(health.url == "http://127.0.0.1:8080/healthz");
  CHECK(health.expect == std::vector{200, 204});
  CHECK(health.interval == 5s);
  CHECK(health.timeout == 2s);
  CHECK(health.retries == 5);
  CHECK(health.start_period == 1min);
  CHECK(health.on_unhealthy == unhealthy_action::stop_line);
  CHECK(
    health_loaded("type = \"exec\"\ncommand = \"./probe 'a b'\"").value.daemons[0].health->command
    == std::vector<std::string>{"/etc/x/probe", "a b"});
  CHECK(
    health_loaded("type = \"grpc\"\naddress = \"127.0.0.1:1\"\nservice = \"shop\"").value.daemons[0].health->service
    == "shop");
  auto defaults = health_loaded("type = \"tcp\"\naddress = \"127.0.0.1:1\"");
  CHECK(defaults.value.daemons[0].health->interval == 30s);
  CHECK_FALSE(defaults.value.daemons[0].watchdog);
  for (auto* one : {&result, &defaults}) {
    auto back = load_daemon_json(to_json(one->value.daemons[0]).dump(), "/elsewhere");
    REQUIRE(back.ok());
    CHECK(back.value.daemons[0] == one->value.daemons[0]);
  }
}

TEST_CASE("notify is the watchdog", "[config][health]") {
  auto plain = health_loaded("type = \"notify\"\ninterval = \"7s\"\nretries = 3\ntimeout = \"10s\"");
  REQUIRE(plain.ok());
  CHECK(plain.value.daemons[0].watchdog == watchdog_spec{7s});
  CHECK_FALSE(plain.value.daemons[0].health);
  auto reported = health_loaded("interval = \"7s\"\non_unhealthy = \"report\"\ntype = \"notify\"");
  REQUIRE(reported.ok());
  CHECK(reported.value.daemons[0].watchdog == watchdog_spec{7s});
  CHECK(reported.value.daemons[0].health->on_unhealthy == unhealthy_action::report);
  auto back = load_daemon_json(to_json(reported.value.daemons[0]).dump(), "/elsewhere");
  REQUIRE(back.ok());
  CHECK(back.value.daemons[0] == reported.value.daemons[0]);
}

TEST_CASE("what is wrong with a health check has a place", "[config][health]") {
  CHECK(health_faults("interval = \"5s\"") == "f.toml:4:1: 'health_check' without 'type'\n");
  CHECK(health_faults("type = \"tcp\"") == "f.toml:4:1: 'health_check.type' = \"tcp\" needs 'health_check.address'\n");
  CHECK(
    health_faults("type = \"exec\"") == "f.toml:4:1: 'health_check.type' = \"exec\" needs 'health_check.command'\n");
  CHECK(
    health_faults("type = \"tcp\"\naddress = \"127.0.0.1:1\"\nurl = \"http://x/\"")
    == "f.toml:7:1: 'health_check.url' means nothing with 'health_check.type' = \"tcp\"\n");
  CHECK_THAT(health_faults("type = \"custom\""), Contains("f.toml:5:8: 'health_check.type' = \"custom\" asks code"));
  CHECK_THAT(
    health_faults("type = \"notify\"\nretries = 2"),
    Contains("f.toml:6:11: 'health_check.retries' means nothing with 'health_check.type' = \"notify\""));
  CHECK_THAT(health_faults("type = \"ping\""), Contains("f.toml:5:8: 'health_check.type': unknown value 'ping'"));
  CHECK_THAT(health_faults("type = \"tcp\"\naddress = \"nowhere\""), Contains("is no address"));
  CHECK_THAT(
    health_faults("type = \"tcp\"\naddress = \"127.0.0.1:1\"\nretries = 0"),
    Contains("f.toml:7:11: 'health_check.retries'"));
  CHECK_THAT(
    health_faults("type = \"tcp\"\naddress = \"127.0.0.1:1\"\non_unhealthy = \"explode\""),
    Contains("unknown value 'explode'") && Contains("stop-line"));
  CHECK_THAT(health_faults("type = \"tcp\"\nadress = \"127.0.0.1:1\""), Contains("did you mean 'address'"));
}
