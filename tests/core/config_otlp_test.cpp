#include "tests/core/config_support.hpp"

#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

using namespace duende;
using namespace duende::test;
using namespace std::chrono_literals;

namespace {

otlp_spec read(std::string_view keys) {
  auto result = load_text("[node.otlp]\n" + std::string{keys}, config_format::toml, "f.toml", "/etc/duende");
  for (const auto& error : result.errors)
    FAIL_CHECK(to_string(error));
  return result.otlp;
}

} // namespace

TEST_CASE("nothing is exported unless an endpoint is written") {
  CHECK_FALSE(load_text("[node]\n", config_format::toml, "f.toml", "/etc").otlp.on());
  CHECK(faults("[node.otlp]\n") == "f.toml:1:1: 'node.otlp' needs 'endpoint', such as \"http://127.0.0.1:4318\"");
  CHECK_FALSE(read("endpoint = \"http://x\"\nmetrics = false\ntraces = false\n").on());
}

TEST_CASE("where to export to is read") {
  const auto spec = read("endpoint = \"https://otel.example:4318/base/\"\n");
  CHECK(spec.on());
  CHECK(spec.endpoint == "https://otel.example:4318/base");
  CHECK(spec.metrics);
  CHECK(spec.traces);
  CHECK_FALSE(spec.logs);
  CHECK(spec.interval == 60s);
  CHECK(spec.timeout == 10s);
  const auto other =
    read("endpoint = \"http://x:1\"\nlogs = true\ninterval = \"500ms\"\nheaders_file = \"otlp.headers\"\n"
         "timeout = \"3s\"\nqueue = \"64KiB\"\n");
  CHECK(other.logs);
  CHECK(other.interval == 500ms);
  CHECK(other.headers_file == "/etc/duende/otlp.headers");
  CHECK(other.timeout == 3s);
  CHECK(other.queue == 65536);
}

TEST_CASE("what can't be an endpoint is refused where it stands") {
  const std::string head = "[node.otlp]\nendpoint = ";
  CHECK_THAT(faults(head + "\"127.0.0.1:4318\"\n"), Contains("f.toml:2:12: 'node.otlp.endpoint'"));
  CHECK_THAT(faults(head + "\"ftp://x\"\n"), Contains("f.toml:2:12: 'node.otlp.endpoint'"));
  CHECK_THAT(faults(head + "\"http://x/?token=secret\"\n"), Contains("without '?'") && !Contains("secret"));
  CHECK_THAT(faults(head + "\"http://me:secret@x/\"\n"), Contains("headers_file") && !Contains("secret"));
  CHECK_THAT(faults(head + "3\n"), Contains("expected a string"));
  CHECK_THAT(faults(head + "\"http://x\"\ninterval = \"1ms\"\n"), Contains("f.toml:3:12: 'node.otlp.interval'"));
  CHECK_THAT(faults(head + "\"http://x\"\nqueue = 1\n"), Contains("f.toml:3:9: 'node.otlp.queue'"));
  CHECK_THAT(
    faults(head + "\"http://x\"\nheader_file = \"x\"\n"),
    Contains("f.toml:3:1: unknown key 'node.otlp.header_file'; did you mean 'headers_file'?"));
}

TEST_CASE("where to export to is written and read back") {
  for (const auto& spec :
       {otlp_spec{}, otlp_spec{.endpoint = "http://[::1]:4318"},
        otlp_spec{
          .endpoint = "https://x",
          .metrics = false,
          .logs = true,
          .traces = false,
          .interval = 1500ms,
          .headers_file = "/a/b",
          .timeout = 1s,
          .queue = 1u << 20}}) {
    auto back = load_text(stack_to_json({}, spec), config_format::json, "f", "/elsewhere");
    REQUIRE(back.ok());
    CHECK(back.otlp == spec);
  }
}

TEST_CASE("the schema knows where to export to") {
  const auto schema = nlohmann::json::parse(schema_json());
  const auto& otlp = schema["$defs"]["node"]["properties"]["otlp"];
  CHECK(otlp["properties"]["interval"]["default"] == "1m");
  CHECK(otlp["properties"]["queue"]["default"] == "4MiB");
  CHECK(otlp["properties"]["logs"]["default"] == false);
  CHECK(otlp["additionalProperties"] == false);
}
