// What is written as JSON reads back equal.
#include "tests/core/config_support.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>
#include <rapidcheck.h>

using namespace duende;

namespace {

template <class T>
T pick(std::initializer_list<T> choices) {
  return *rc::gen::elementOf(std::vector<T>(choices));
}

int between(int low, int high) { return *rc::gen::inRange(low, high + 1); }

/// Any UTF-8 but NUL.
std::string any_text() {
  std::string text;
  for (int length = between(0, 8); length > 0; --length)
    text += pick<const char*>({"a", "Z", "0", " ", "\n", "\"", "\\", "'", "$", "ä", "€", "😀", "\x01", "{", "#", "="});
  return text;
}

std::string any_name() {
  std::string name = pick<const char*>({"a", "B", "7"});
  for (int length = between(0, 5); length > 0; --length)
    name += pick<const char*>({"x", "9", ".", "_", "-"});
  return name;
}

std::string any_path() { return "/" + any_text(); }
duration any_time() { return duration{*rc::gen::inRange<std::int64_t>(1'000'000, 30'000'000'000'000'000)}; }

std::vector<std::string> texts() {
  std::vector<std::string> result;
  for (int count = between(0, 3); count > 0; --count)
    result.push_back(any_text());
  return result;
}

std::vector<int> numbers(int low, int high) {
  std::vector<int> result;
  for (int count = between(0, 3); count > 0; --count)
    result.push_back(between(low, high));
  return result;
}

restart_policy any_restart() {
  restart_policy r;
  r.kind = static_cast<restart_kind>(between(0, 4));
  r.retries = static_cast<std::uint32_t>(between(0, 1000));
  r.initial_delay = any_time();
  r.next_delay = any_time();
  r.multiplier = 1 + between(0, 1000) / 7.0;
  r.max_delay = any_time();
  r.jitter = between(0, 1000) / 1000.0;
  r.reset_after = any_time();
  r.success_codes = numbers(0, 255);
  return r;
}

readiness_spec any_readiness() {
  readiness_spec r;
  r.type = static_cast<readiness_type>(between(0, 6));
  r.timeout = any_time();
  switch (r.type) {
    case readiness_type::fd: r.fd = between(3, 1023); break;
    case readiness_type::tcp: r.address = pick<const char*>({"localhost:80", "[::1]:1", "unix:/run/x.sock"}); break;
    case readiness_type::http:
      r.url = pick<const char*>({"http://x/", "https://localhost:8080/a?b=c"});
      r.expect = numbers(100, 599);
      break;
    case readiness_type::exec:
      r.command = texts();
      r.command.insert(r.command.begin(), "/bin/true");
      break;
    case readiness_type::log: r.pattern = pick<const char*>({"ready", "^a.*b$", "\\d+ ö"}); break;
    default: break;
  }
  return r;
}

std::vector<hook_command> any_hooks() {
  std::vector<hook_command> result;
  for (int count = between(0, 2); count > 0; --count) {
    auto words = texts();
    words.insert(words.begin(), "/bin/true");
    result.push_back({std::move(words), *rc::gen::arbitrary<bool>() ? std::optional<duration>{7s} : std::nullopt});
  }
  return result;
}

/// What most daemons do not have.
void add_parts(daemon_spec& d) {
  limits_spec limits;
  limits.memory_bytes = pick<std::uint64_t>({0, 1, 64u << 20});
  limits.memory_swap_bytes = pick<std::uint64_t>({0, 128u << 20});
  limits.cpu_quota_percent = pick({0.0, 0.5, 250.0});
  limits.cpu_shares = pick({0u, 1u, 1024u});
  limits.io_read_bps = pick<std::uint64_t>({0, 4096});
  limits.io_write_bps = pick<std::uint64_t>({0, 1u << 20});
  limits.pids_max = pick({0u, 100u});
  if (limits != limits_spec{})
    d.limits.obtain() = limits;
  if (*rc::gen::arbitrary<bool>()) {
    auto& hooks = d.hooks.obtain();
    hooks.pre_start = any_hooks();
    hooks.on_give_up = any_hooks();
    hooks.reload = any_hooks();
    hooks.timeout = 5s;
  }
  if (*rc::gen::arbitrary<bool>()) {
    auto& watch = d.watch.obtain();
    watch.paths = {"/a", "/b c"};
    watch.ignore = texts();
    watch.recursive = *rc::gen::arbitrary<bool>();
  }
  if (*rc::gen::arbitrary<bool>()) {
    auto& schedule = d.schedule.obtain();
    schedule.catch_up = *rc::gen::arbitrary<bool>();
    schedule.jitter = 3s;
    if (*rc::gen::arbitrary<bool>())
      schedule.every = 90s;
    else
      schedule.calendar = "Mon..Fri 03:00 UTC";
    if (d.restart.kind == restart_kind::always || d.restart.kind == restart_kind::unless_stopped)
      d.restart.kind = restart_kind::on_failure;
  }
}

void add_health(daemon_spec& d) {
  auto how = between(0, 6);
  if (how == 0)
    return;
  if (how < 3)
    d.watchdog = watchdog_spec{any_time()};
  if (how == 1)
    return;
  auto& health = d.health.obtain();
  health.on_unhealthy = static_cast<unhealthy_action>(between(how == 2 ? 1 : 0, 2));
  health.type = how == 2 ? health_type::notify : static_cast<health_type>(how - 3);
  if (how == 2)
    return;
  health.interval = any_time();
  health.timeout = duration{between(1'000'000, 2'000'000'000)};
  health.retries = static_cast<std::uint32_t>(between(1, 9));
  health.start_period = any_time();
  if (health.type == health_type::tcp || health.type == health_type::grpc)
    health.address = pick<const char*>({"localhost:80", "[::1]:1", "unix:/run/x.sock"});
  if (health.type == health_type::grpc)
    health.service = any_text();
  if (health.type == health_type::http) {
    health.url = "http://x/";
    health.expect = numbers(100, 599);
  }
  if (health.type == health_type::exec)
    health.command = {"/bin/true", any_text()};
}

void add_policies(daemon_spec& d) {
  if (*rc::gen::arbitrary<bool>())
    d.breaker.obtain() = {
      static_cast<std::uint32_t>(between(1, 9)), any_time(), static_cast<std::uint32_t>(between(1, 9))};
  if (*rc::gen::arbitrary<bool>())
    return;
  auto& jidoka = d.jidoka.obtain();
  jidoka.stop_on_first = true;
  for (int i = between(0, 2); i > 0; --i) {
    auto& gate = jidoka.pre_start.emplace_back();
    gate.name = "gate" + std::to_string(i);
    gate.exec = {"/bin/true", any_text()};
    gate.timeout = duration{between(1'000'000, 2'000'000'000)};
    gate.quality_json = *rc::gen::arbitrary<bool>();
    if (gate.quality_json && *rc::gen::arbitrary<bool>())
      gate.dead_code_percent = between(0, 1000) / 10.0;
  }
  for (int i = between(0, 2); i > 0; --i) {
    auto& rule = jidoka.invariants.emplace_back();
    rule.name = "rule" + std::to_string(i);
    rule.metric = pick<const char*>({"memory_bytes", "cpu_percent", "open_fds", "threads", "restarts"});
    (*rc::gen::arbitrary<bool>() ? rule.above : rule.below) = between(1, 1 << 30) / 4.0;
    rule.lasting = any_time();
  }
}

sandbox_spec any_sandbox() {
  sandbox_spec box;
  auto paths = [] { return std::vector<std::string>{"/usr", "/b c"}; };
  if (*rc::gen::arbitrary<bool>())
    box.capabilities =
      *rc::gen::arbitrary<bool>() ? std::vector<std::string>{"CAP_NET_RAW"} : std::vector<std::string>{};
  box.seccomp = static_cast<seccomp_mode>(between(0, 3));
  if (box.seccomp == seccomp_mode::allow || box.seccomp == seccomp_mode::deny) {
    box.action = static_cast<seccomp_action>(between(0, 1));
    box.calls = {"ptrace", "mount"};
  }
  if (*rc::gen::arbitrary<bool>())
    box.read_paths = *rc::gen::arbitrary<bool>() ? paths() : std::vector<std::string>{};
  if (*rc::gen::arbitrary<bool>())
    box.write_paths = paths();
  if (box.read_paths && *rc::gen::arbitrary<bool>())
    box.optional = {"landlock"};
  return box;
}

daemon_spec any_daemon() {
  daemon_spec d;
  d.name = any_name();
  d.supervisor = pick<const char*>({"root", "shop"});
  d.version = any_text();
  d.description = any_text();
  d.binary_path = *rc::gen::arbitrary<bool>() ? any_path() : "bare-name";
  d.args = texts();
  for (int count = between(0, 3); count > 0; --count)
    d.env["K" + any_name()] = any_text();
  if (int how = between(0, 2); how == 0)
    d.inherit_env.all = true;
  else if (how == 1)
    d.inherit_env.names = texts();
  d.user = any_text();
  d.group = any_text();
  d.working_dir = any_path();
  d.autostart = *rc::gen::arbitrary<bool>();
  for (int count = between(0, 2); count > 0; --count)
    d.depends_on.push_back({any_name(), static_cast<milestone>(between(1, 3))});
  d.stop_signal = pick({1, 2, 3, 9, 15, 10, 12, 34, 64});
  d.shutdown_timeout = any_time();
  d.pid_file = *rc::gen::arbitrary<bool>() ? any_path() : "";
  d.restart = any_restart();
  d.ready = any_readiness();
  add_health(d);
  add_policies(d);
  d.open_files_max = static_cast<std::uint64_t>(between(0, 1 << 30));
  d.no_new_privileges = *rc::gen::arbitrary<bool>();
  d.logs.dir = *rc::gen::arbitrary<bool>() ? any_path() : "";
  d.logs.max_bytes = *rc::gen::inRange<std::uint64_t>(0, 1ull << 62);
  d.logs.max_files = static_cast<std::uint32_t>(between(1, 10'000));
  d.logs.timestamps = *rc::gen::arbitrary<bool>();
  d.logs.merge_stderr = *rc::gen::arbitrary<bool>();
  add_parts(d);
  if (auto box = any_sandbox(); box != sandbox_spec{})
    d.sandbox.obtain() = box;
  if (*rc::gen::arbitrary<bool>())
    d.limits.obtain().lock_memory = true;
  return d;
}

} // namespace

TEST_CASE("a daemon written as JSON reads back equal") {
  rc::check("round trip", [] {
    auto spec = any_daemon();
    auto back = load_daemon_json(to_json(spec).dump(), "/elsewhere");
    if (!back.ok())
      RC_FAIL(to_string(back.errors.front()));
    RC_ASSERT(back.value.daemons.front() == spec);
  });
}

TEST_CASE("a stack written as JSON reads back equal") {
  rc::check("round trip", [] {
    stack value;
    value.node = {
      any_name(), "/state", pick<const char*>({"", "127.0.0.1:1", "0.0.0.0:2"}), pick<const char*>({"", "[::1]:3"})};
    value.node.sample_interval = std::chrono::milliseconds{pick<int>({0, 10, 1500})};
    value.node.sample_history = std::chrono::seconds{between(1, 86400)};
    value.supervisors = {
      {.name = "shop",
       .strategy = static_cast<strategy>(between(0, 2)),
       .intensity = {static_cast<std::uint32_t>(between(0, 100)), any_time()}},
      {.name = "inner", .parent = "shop"}};
    for (int count = between(0, 3); count > 0; --count) {
      auto spec = any_daemon();
      spec.name += std::to_string(count);
      spec.depends_on.clear();
      value.daemons.push_back(std::move(spec));
    }
    auto back = load_text(stack_to_json(value), config_format::json, "f", "/elsewhere");
    if (!back.ok())
      RC_FAIL(to_string(back.errors.front()));
    RC_ASSERT(back.value.node == value.node);
    RC_ASSERT(back.value.supervisors == value.supervisors);
    RC_ASSERT(back.value.daemons == value.daemons);
  });
}

TEST_CASE("only what differs from the defaults is written") {
  CHECK(to_json(daemon_spec{.name = "a", .binary_path = "x"}).dump() == R"({"binary_path":"x","name":"a"})");
  CHECK(to_json(node_spec{}).dump() == R"({"metrics":"off"})");
  CHECK_FALSE(stack_to_json({.daemons = {{.name = "a", .version = "\xff"}}}).empty());
}
