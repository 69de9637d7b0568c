// The schema and the loader come from one table; these hold them and the documented file against each other.
#include "core/config/rules.hpp"

#include "tests/core/config_support.hpp"
#include "tests/support/catch.hpp"

#include <set>

using namespace duende;
using duende::test::lines;

namespace {

// Every key of the documentation, once.
constexpr std::string_view documented = R"(
[node]
name = "web-1"
state_dir = "/var/lib/duende"
metrics = "127.0.0.1:9464"
api = "127.0.0.1:9465"
include = ["conf.d/*.none"]
[[supervisor]]
name = "shop"
parent = "root"
strategy = "rest_for_one"
intensity = { restarts = 5, window = "30s" }
[[daemon]]
name = "vault"
command = "vault -x"
[[daemon]]
name = "db"
supervisor = "shop"
version = "15.2"
description = "orders database"
backend = "native"
binary_path = "/usr/lib/postgresql/15/bin/postgres"
args = ["-D", "/var/lib/pg"]
env = { PGPORT = "5433" }
env_file = []
inherit_env = ["PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR"]
user = "postgres"
group = "postgres"
working_dir = "/var/lib/pg"
autostart = true
instances = 1
depends_on = ["vault"]
stop_signal = "TERM"
shutdown_timeout = "30s"
pid_file = "/run/db.pid"
restart = { policy = "on-failure", max_retries = 10, initial_delay = "0s", next_delay = "100ms", multiplier = 2.0, max_delay = "5m", jitter = 0.1, reset_after = "10s", success_codes = [0] }
ready = { type = "notify", timeout = "30s", address = "127.0.0.1:5433", url = "http://x/", expect = [200], command = "x", pattern = "x", number = 3 }
health_check = { type = "tcp", address = "127.0.0.1:5433", interval = "30s", timeout = "10s", retries = 3, start_period = "0s", on_unhealthy = "restart" }
circuit_breaker = { failure_threshold = 5, recovery_timeout = "30s", success_threshold = 3 }
socket = [{ listen = "127.0.0.1:8080", name = "http" }]
[daemon.jidoka]
stop_on_first = true
pre_start = [ { name = "quality", exec = ["./quality.sh"], format = "quality-json" } ]
invariants = [ { name = "rss", metric = "memory_bytes", above = "2GiB", for = "30s" } ]
[daemon.resources]
memory_bytes = "512MiB"
memory_swap_bytes = "1GiB"
cpu_quota_percent = 200.0
cpu_shares = 1024
io_read_bps = 0
io_write_bps = 0
pids_max = 100
open_files_max = 1024
lock_memory = false
lock_memory_required = false
[daemon.security]
no_new_privileges = true
capabilities = ["CAP_NET_BIND_SERVICE"]
seccomp = "default"
read_paths = ["/usr", "/etc"]
write_paths = ["/var/lib/pg"]
network = true
[daemon.logs]
dir = "/var/log/duende/db"
max_bytes = "64MiB"
max_files = 5
timestamps = true
merge_stderr = false
[daemon.hooks]
pre_start = ["./migrate.sh"]
post_start = []
pre_stop = []
post_stop = []
on_give_up = ["./page-someone.sh"]
reload = [{ command = "./reload.sh", timeout = "5s" }]
timeout = "30s"
[daemon.rolling]
max_unavailable = 0
[daemon.watch]
paths = ["build/"]
ignore = [".git"]
debounce = "200ms"
recursive = true
[daemon.schedule]
calendar = "Mon..Fri 03:00"
jitter = "1m"
catch_up = true
[daemon.placement]
node = "web-2"
labels = { disk = "ssd" }
spread = true
[daemon.platform]
container_image = "postgres:15"
kernel_path = "/k"
rootfs_path = "/r"
vcpus = 2
accel = "auto"
module = "/m"
priority = 3
fuel_per_slice = 1000
preopen = { "/data" = "/srv/data" }
scope = "user"
slice = "x"
)";

} // namespace

TEST_CASE("every documented key is known: supported, or refused by name") {
  auto result = load_text(documented, config_format::toml, "f.toml", "/d");
  std::size_t refused = 0;
  for (const auto& r : config::unsupported_rules())
    refused += documented.find(std::string{r.key} + " =") != std::string::npos && !r.supported();
  CHECK(result.errors.size() <= refused); // some of the values change nothing
  CHECK(!result.errors.empty());
  for (const auto& line : lines(result))
    CHECK_THAT(line, Contains("is not supported by this version"));
}

TEST_CASE("the table of keys is sound") {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const auto& r : config::all_rules()) {
    INFO(r.section << '.' << r.key);
    CHECK(seen.emplace(r.section, r.key).second);
    CHECK_FALSE(r.doc.empty());
    if (r.type == config::shape::section) {
      auto name = r.section.empty() ? std::string{r.key} : fmt::format("{}.{}", r.section, r.key);
      CHECK_FALSE(config::rules_of(name).empty());
    }
    if (r.type == config::shape::choice)
      CHECK_FALSE(r.words.empty());
    CHECK(r.low <= r.high);
  }
}

TEST_CASE("the schema has every key and the loader's defaults") {
  auto schema = nlohmann::json::parse(schema_json());
  CHECK(schema["$schema"] == "https://json-schema.org/draft/2020-12/schema");
  for (const auto& r : config::all_rules()) {
    if (r.section.empty())
      continue;
    INFO(r.section << '.' << r.key);
    const auto* at = &schema["$defs"];
    for (auto rest = r.section; !rest.empty();) {
      auto dot = std::min(rest.find('.'), rest.size());
      auto part = std::string{rest.substr(0, dot)};
      at = at->contains("properties") ? &(*at)["properties"][part] : &(*at)[part];
      at = at->contains("items") ? &(*at)["items"] : at; // an array of tables
      rest.remove_prefix(std::min(dot + 1, rest.size()));
    }
    CHECK((*at)["additionalProperties"] == false);
    CHECK((*at)["properties"].contains(std::string{r.key}));
  }
  const auto& daemon = schema["$defs"]["daemon"]["properties"];
  CHECK(daemon["restart"]["properties"]["max_delay"]["default"] == "5m");
  CHECK(daemon["shutdown_timeout"]["default"] == "30s");
  CHECK(daemon["logs"]["properties"]["max_bytes"]["default"] == "64MiB");
  const auto& seccomp = daemon["security"]["properties"]["seccomp"]["anyOf"];
  CHECK(seccomp[0]["enum"] == nlohmann::json::array({"default", "off"}));
  CHECK(seccomp[1]["properties"].contains("deny"));
  CHECK(schema["$defs"]["node"]["properties"]["metrics"]["default"] == "127.0.0.1:9464");
}
