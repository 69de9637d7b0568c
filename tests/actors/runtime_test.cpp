// The library: daemons on threads, actors, processes and supervisors of a program, with nothing replaced.
#include "actors/duende/duende.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/waiting.hpp"

#include <caf/send.hpp>

#include <unistd.h>

#include <atomic>
#include <stdexcept>

using namespace duende;
using namespace duende::test;

namespace {

runtime_options quiet(std::string name = "runtime-test") { return {.name = std::move(name), .socket = "none"}; }

/// A daemon whose life a test writes down.
struct script {
  std::function<caf::expected<void>(const daemon_config&)> init = [](const daemon_config&) { return caf::unit; };
  std::function<caf::expected<exit_reason>(daemon_context&)> run = [](daemon_context& context) {
    while (context.wait_for(1h)) {
    }
    return exit_reason::graceful();
  };
  std::function<caf::expected<void>()> shutdown = [] { return caf::unit; };
};

class scripted_daemon : public daemon {
public:
  explicit scripted_daemon(script s) : script_(std::move(s)) {}
  caf::expected<void> init(const daemon_config& config) override { return script_.init(config); }
  caf::expected<exit_reason> run(daemon_context& context) override { return script_.run(context); }
  caf::expected<void> shutdown(std::chrono::milliseconds) override { return script_.shutdown(); }

private:
  script script_;
};

caf::expected<daemon_status>
spawn(supervisor_ref where, const std::string& name, script s, spawn_options options = {}) {
  options.restart.jitter = 0;
  return where.spawn_thread(name, std::move(options), [s] { return std::make_unique<scripted_daemon>(s); });
}

bool comes_to(runtime& r, const std::string& name, daemon_state state) {
  return eventually([&] {
    auto status = r.controls()->daemon(name);
    return status && status->state == state;
  });
}

std::string last_exit_of(runtime& r, const std::string& name) {
  auto status = r.controls()->daemon(name);
  return status && status->last ? status->last->text : "";
}

} // namespace

TEST_CASE("how a daemon in the program ends shows as its last exit", "[runtime]") {
  struct row {
    const char* name;
    script what;
    const char* text;
  };
  std::vector<row> rows;
  auto add = [&](const char* name, const char* text) -> script& {
    rows.push_back({name, {}, text});
    return rows.back().what;
  };
  add("returns-error", "exited with code 1: cannot reach the queue").run = [](auto&) -> caf::expected<exit_reason> {
    return make_error(errc::io_failure, "cannot reach the queue");
  };
  add("returns-code", "exited with code 7").run = [](auto&) -> caf::expected<exit_reason> {
    return exit_reason::code(7);
  };
  add("throws", "threw an exception: boom").run = [](auto&) -> caf::expected<exit_reason> {
    throw std::runtime_error("boom");
  };
  add("throws-anything", "threw an exception of unknown type").run = [](auto&) -> caf::expected<exit_reason> {
    throw 5;
  };
  add("init-error", "init failed: no settings").init = [](auto&) -> caf::expected<void> {
    return make_error(errc::invalid_config, "no settings");
  };
  add("init-throws", "threw an exception: early").init = [](auto&) -> caf::expected<void> {
    throw std::runtime_error("early");
  };
  auto& late = add("shutdown-throws", "threw an exception: late");
  late.run = [](auto&) -> caf::expected<exit_reason> { return exit_reason::graceful(); };
  late.shutdown = []() -> caf::expected<void> { throw std::runtime_error("late"); };
  auto& unclean = add("shutdown-error", "shutdown failed: disk full");
  unclean.run = [](auto&) -> caf::expected<exit_reason> { return exit_reason::graceful(); };
  unclean.shutdown = []() -> caf::expected<void> { return make_error(errc::io_failure, "disk full"); };

  runtime r{quiet()};
  REQUIRE_FALSE(r.error());
  for (auto& row : rows) {
    INFO(row.name);
    REQUIRE(spawn(r.root(), row.name, row.what, {.restart = restart_policy::never()}));
    CHECK(comes_to(r, row.name, daemon_state::failed));
    CHECK_THAT(last_exit_of(r, row.name), Contains(row.text));
  }
  SECTION("a clean end rests") {
    script clean;
    clean.run = [](auto&) -> caf::expected<exit_reason> { return exit_reason::graceful(); };
    REQUIRE(spawn(r.root(), "clean", clean));
    CHECK(comes_to(r, "clean", daemon_state::stopped));
  }
  SECTION("a factory that makes nothing") {
    REQUIRE(r.root().spawn_thread("nothing", {.restart = restart_policy::never()}, [] { return nullptr; }));
    CHECK(comes_to(r, "nothing", daemon_state::failed));
  }
}

TEST_CASE("a daemon in the program is restarted, its figures go on", "[runtime]") {
  struct counting : daemon {
    caf::expected<exit_reason> run(daemon_context& context) override {
      metrics().record_request(1ms);
      metrics().record_error();
      if (++runs < 3)
        return make_error(errc::io_failure, "not yet");
      while (context.wait_for(1h)) {
      }
      return exit_reason::graceful();
    }
    std::atomic<int>& runs;
    explicit counting(std::atomic<int>& n) : runs(n) {}
  };
  std::atomic<int> runs = 0;
  auto policy = restart_policy::on_failure();
  policy.next_delay = 0ns;
  runtime r{quiet()};
  REQUIRE(r.root().spawn_thread("counter", {.restart = policy}, [&] { return std::make_unique<counting>(runs); }));
  REQUIRE(eventually([&] { return runs == 3; }));
  REQUIRE(comes_to(r, "counter", daemon_state::running));
  auto status = r.controls()->daemon("counter");
  REQUIRE(status);
  CHECK(status->restarts == 2);
  CHECK(status->incarnation == 3);
  CHECK(status->backend == "thread");
  REQUIRE(status->counters);
  CHECK(status->counters->requests == 3);
  CHECK(status->counters->errors == 3);
  CHECK(status->counters->exits[static_cast<int>(exit_cause::code)] == 2);
  CHECK_THAT(r.controls()->metrics(), Contains("counter"));
}

TEST_CASE("a daemon in the program is asked how it is whenever it waits", "[runtime]") {
  struct moody : daemon {
    caf::expected<exit_reason> run(daemon_context& context) override {
      while (context.wait_for(1h))
        (void)context.next_signal();
      return exit_reason::graceful();
    }
    health_status health_check() const override {
      if (mood == health_state::unknown)
        throw std::runtime_error("cannot tell");
      return mood;
    }
    std::atomic<health_state>& mood;
    explicit moody(std::atomic<health_state>& m) : mood(m) {}
  };
  std::atomic<health_state> mood = health_state::degraded;
  runtime r{quiet()};
  REQUIRE(r.root().spawn_thread("d", {}, [&] { return std::make_unique<moody>(mood); }));
  auto shows = [&](health_state wanted) {
    return eventually([&] {
      auto status = r.controls()->daemon("d");
      return status && status->health == wanted;
    });
  };
  CHECK(shows(health_state::degraded));
  mood = health_state::healthy;
  REQUIRE(r.controls()->signal("d", SIGUSR1)); // ends its wait
  r.controls()->signal("d", SIGUSR1);
  CHECK(shows(health_state::healthy));
  mood = health_state::unknown;
  r.controls()->signal("d", SIGUSR1);
  CHECK(eventually([&] { return last_exit_of(r, "d").find("cannot tell") != std::string::npos; }));
  std::string told;
  auto all = r.controls()->events({});
  for (auto& each : *all)
    if (each.kind == event_kind::health)
      told += each.text + "\n";
  CHECK(told == "d: says that it is degraded\nd: says that it is healthy\n");
}

TEST_CASE("signals reach a daemon in the program", "[runtime]") {
  waiting_for<int> heard;
  script s;
  s.run = [&](daemon_context& context) -> caf::expected<exit_reason> {
    while (context.wait_for(1h))
      while (auto signal = context.next_signal())
        heard.set(static_cast<int>(*signal));
    return exit_reason::graceful();
  };
  runtime r{quiet()};
  REQUIRE(spawn(r.root(), "d", s));
  REQUIRE(comes_to(r, "d", daemon_state::running));
  SECTION("kill") {
    REQUIRE(r.controls()->signal("d", SIGUSR1));
    CHECK(heard.get() == SIGUSR1);
  }
  SECTION("reload") {
    REQUIRE(r.controls()->act(verb::reload, "d", 10s, true));
    CHECK(heard.get() == SIGHUP);
  }
  CHECK(r.controls()->act(verb::pause, "d", 10s, true).error());
  auto stopped = r.controls()->act(verb::stop, "d", 10s, true);
  REQUIRE(stopped);
  CHECK(stopped->state == daemon_state::stopped);
}

TEST_CASE("a daemon that does not return in time is given up, the program goes on", "[runtime]") {
  auto released = std::make_shared<waiting_for<bool>>();
  auto over = std::make_shared<waiting_for<bool>>();
  script s;
  s.run = [=](daemon_context&) -> caf::expected<exit_reason> {
    released->get();
    over->set(true);
    return exit_reason::graceful();
  };
  runtime r{quiet()};
  REQUIRE(spawn(r.root(), "d", s, {.shutdown_timeout = 50ms}));
  REQUIRE(comes_to(r, "d", daemon_state::running));
  auto stopped = r.controls()->act(verb::stop, "d", 10s, true);
  REQUIRE(stopped);
  CHECK_THAT(stopped->last->text, Contains("did not return within 50ms"));
  released->set(true);
  CHECK(over->get());
}

TEST_CASE("what a daemon is told about itself", "[runtime]") {
  waiting_for<daemon_config> told;
  script s;
  s.init = [&](const daemon_config& config) -> caf::expected<void> {
    told.set(config);
    return caf::unit;
  };
  runtime r{quiet()};
  REQUIRE(spawn(r.root(), "d", s, {.shutdown_timeout = 7s, .env = {{"KEY", "value"}}}));
  auto config = told.get();
  REQUIRE(config);
  CHECK(config->name == "d");
  CHECK(config->env.at("KEY") == "value");
  CHECK(config->shutdown_timeout == 7s);
  CHECK(config->incarnation == 1);
}

TEST_CASE("names are unique in a program, errors say so", "[runtime]") {
  runtime r{quiet()};
  REQUIRE(spawn(r.root(), "d", {}));
  CHECK(sentence(spawn(r.root(), "d", {}).error()) == "there is a daemon named 'd' already");
  auto g = r.supervisor("g");
  CHECK(spawn(g, "d", {}).error());
  CHECK(spawn(r.supervisor("d"), "e", {}).error());
  CHECK(code_of(r.spawn_actor("", {}).error()) == errc::invalid_config);
  CHECK_THAT(sentence(r.controls()->daemon("dd").error()), Contains("did you mean 'd'"));
}

TEST_CASE("a supervisor can be used as soon as it is made", "[runtime]") {
  runtime r{quiet()};
  for (int i = 0; i < 50; ++i) {
    auto g = r.supervisor("g" + std::to_string(i), {.strategy = strategy::one_for_all});
    INFO(i);
    REQUIRE(spawn(g, "d" + std::to_string(i), {}));
    REQUIRE(
      g.spawn_actor("a" + std::to_string(i), [](caf::event_based_actor*) -> caf::behavior { return {[](int) {}}; }));
  }
  CHECK(eventually([&] { return r.controls()->daemons()->size() == 100; }));
  CHECK(eventually([&] { return r.controls()->all_ready(); }));
}

TEST_CASE("a node name that is taken is the runtime's error", "[runtime]") {
  temp_dir dir;
  runtime_options options{.name = "taken", .socket = dir / "run/api.sock"};
  runtime first{options};
  REQUIRE_FALSE(first.error());
  runtime second{options};
  REQUIRE(second.error());
  CHECK(second.controls() == nullptr);
  CHECK(sentence(spawn(second.root(), "d", {}).error()) == sentence(second.error()));
  CHECK(second.spawn_actor("a", [](caf::event_based_actor*) { return caf::behavior{[](int) {}}; }).error());
}
