// Health checks, breaker and stopped lines of daemons in the same program.
#include "actors/duende/duende.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/waiting.hpp"

#include <atomic>
#include <functional>
#include <string>

using namespace duende;

namespace {

std::atomic<health_state> judgement{health_state::healthy};
std::atomic<int> lives{0};

class judged_daemon : public daemon {
public:
  caf::expected<exit_reason> run(daemon_context& context) override {
    ++lives;
    while (context.wait_for(1h)) {
    }
    return exit_reason::graceful();
  }
  health_status health_check() const override { return judgement; }
};

class failing_daemon : public daemon {
public:
  caf::expected<exit_reason> run(daemon_context&) override { return exit_reason::failure("as ever"); }
};

spawn_options checked(unhealthy_action then) {
  health_spec health;
  health.type = health_type::custom;
  health.interval = 20ms;
  health.retries = 2;
  health.on_unhealthy = then;
  spawn_options options;
  options.health = health;
  options.restart = restart_policy::always();
  return options;
}

bool is_now(runtime& r, const std::function<bool(const daemon_status&)>& so) {
  return eventually([&] {
    auto status = r.controls()->daemon("d");
    return status && so(*status);
  });
}

} // namespace

TEST_CASE("a daemon in the program is asked, and restarted when it is unhealthy", "[health]") {
  judgement = health_state::healthy;
  lives = 0;
  runtime r{{.name = "thread-health", .socket = "none"}};
  REQUIRE(r.spawn<judged_daemon>("d", checked(unhealthy_action::restart)));
  CHECK(is_now(r, [](auto& s) { return s.health == health_state::healthy; }));
  judgement = health_state::degraded;
  CHECK(is_now(r, [](auto& s) { return s.health == health_state::degraded; }));
  CHECK(lives == 1);
  judgement = health_state::unhealthy;
  CHECK(is_now(r, [](auto& s) { return s.last && s.last->reason.cause == exit_cause::health; }));
  judgement = health_state::healthy;
  CHECK(is_now(r, [](auto& s) { return s.health == health_state::healthy && lives >= 2; }));
}

TEST_CASE("a daemon in the program stops the line, and waits", "[jidoka]") {
  judgement = health_state::unhealthy;
  runtime r{{.name = "thread-line", .socket = "none"}};
  REQUIRE(r.spawn<judged_daemon>("d", checked(unhealthy_action::stop_line)));
  CHECK(is_now(r, [](auto& s) { return s.state == daemon_state::failed; }));
  auto status = r.controls()->daemon("d");
  REQUIRE(status);
  REQUIRE(status->last);
  CHECK(status->last->reason.cause == exit_cause::policy);
  REQUIRE(status->counters);
  REQUIRE(status->counters->policies);
  CHECK(status->counters->policies->violations.size() == 1);
}

TEST_CASE("a breaker guards the restarts of a daemon in the program", "[F065]") {
  runtime r{{.name = "thread-breaker", .socket = "none"}};
  spawn_options options;
  options.restart = restart_policy::always();
  options.restart.next_delay = 0s;
  options.breaker = breaker_limits{3, 1h, 1};
  REQUIRE(r.spawn<failing_daemon>("d", options));
  CHECK(is_now(r, [](auto& s) { return s.state == daemon_state::backoff; }));
  auto status = r.controls()->daemon("d");
  REQUIRE(status);
  CHECK(status->incarnation == 3);
  CHECK_THAT(status->status_text, Contains("circuit breaker open for"));
}

TEST_CASE("what a daemon in the program can't have is refused", "[health]") {
  runtime r{{.name = "thread-refused", .socket = "none"}};
  auto options = checked(unhealthy_action::report);
  options.health->type = health_type::exec;
  auto refused = r.spawn<judged_daemon>("d", options);
  REQUIRE_FALSE(refused);
  CHECK_THAT(sentence(refused.error()), Contains("are for processes"));
}
