#include "tests/core/config_support.hpp"
#include "tests/support/catch.hpp"

using namespace duende;
using duende::test::faults;

namespace {

std::string json_faults(std::string_view text) { return faults(text, config_format::json); }

} // namespace

TEST_CASE("JSON says the same as TOML") {
  auto toml = load_text(
    "[node]\nname = \"n\"\n[[supervisor]]\nname = \"s\"\n[[daemon]]\nname = \"a\"\nsupervisor = \"s\"\ncommand = \"x "
    "-y\"\n"
    "env = { A = \"1\" }\n[daemon.restart]\nmultiplier = 3\njitter = 0.5\n",
    config_format::toml, "f", "/d");
  auto json = load_text(
    R"({"node": {"name": "n"}, "supervisor": [{"name": "s"}],
        "daemon": [{"name": "a", "supervisor": "s", "command": "x -y", "env": {"A": "1"},
                    "restart": {"multiplier": 3, "jitter": 0.5}}]})",
    config_format::json, "f", "/d");
  REQUIRE(toml.ok());
  REQUIRE(json.ok());
  CHECK(toml.value.node == json.value.node);
  CHECK(toml.value.supervisors == json.value.supervisors);
  CHECK(toml.value.daemons == json.value.daemons);
}

TEST_CASE("faults in JSON have their place") {
  struct row {
    const char* text;
    const char* expected;
  };
  for (auto [text, expected] : std::initializer_list<row>{
         {"{\n  \"node\": { \"name\" : 5,\n \"nam\": 1}}",
          "f.json:2:22: 'node.name': expected a string, found an integer\n"
          "f.json:3:2: unknown key 'node.nam'; did you mean 'name'?"},
         {R"({"name": "a", "binary_path": "x", "args": ["é", 12, null, {"a": 1}, [2]]})",
          "f.json:1:49: 'args': expected a string, found an integer\n"
          "f.json:1:53: 'args': expected a string, found null\n"
          "f.json:1:59: 'args': expected a string, found a table\n"
          "f.json:1:69: 'args': expected a string, found an array"},
         {R"({"name": "a", "name": "b"})", "f.json:1:15: duplicate key 'name'"},
         {"[]", "f.json:1:1: expected a table, found an array"},
         {R"({"node": {"metrics": 18446744073709551615}})",
          "f.json:1:22: 'node.metrics': expected a string, found a number"},
       }) {
    INFO(text);
    CHECK(json_faults(text) == expected);
  }
}

TEST_CASE("broken JSON has its place") {
  CHECK_THAT(json_faults(""), Contains("f.json:1:1: JSON syntax error"));
  CHECK_THAT(json_faults("{\n\"a\": tru}"), Contains("f.json:2:9: JSON syntax error"));
  CHECK_THAT(json_faults("{} {}"), Contains("f.json:1:4: JSON syntax error"));
  CHECK_THAT(json_faults("{\"a\": \"\xff\"}"), Contains("f.json:1:") && Contains("UTF-8"));
  CHECK_THAT(json_faults(std::string(100'000, '[')), Contains("f.json:1:33: more than 32 objects and arrays"));
  CHECK_THAT(json_faults("{\"a\": 1e999}"), Contains("f.json:1:"));
}

TEST_CASE("one daemon as JSON stands alone") {
  auto result = load_daemon_json(R"({"name": "a", "command": "./x", "supervisor": "s", "depends_on": ["b"]})", "/d");
  REQUIRE(result.ok());
  REQUIRE(result.value.daemons.size() == 1);
  CHECK(result.value.daemons.front().binary_path == "/d/x");
  CHECK(result.value.daemons.front().supervisor == "s");
  auto bad = load_daemon_json(R"({"name": "a", "command": 1})", "/d");
  REQUIRE(bad.errors.size() == 1);
  CHECK(to_string(bad.errors.front()) == "daemon:1:26: 'command': expected a string, found an integer");
  CHECK_FALSE(load_daemon_json("[1]", "/d").ok());
}
