#include "policies/restart.hpp"

#include "policies/backoff.hpp"
#include "tests/support/catch.hpp"

#include <rapidcheck.h>

#include <cmath>

using namespace duende;

namespace {

restart_policy exact(restart_kind kind) {
  restart_policy policy;
  policy.kind = kind;
  policy.jitter = 0;
  policy.retries = 3;
  return policy;
}

restart_decision decide(const restart_policy& p, std::uint32_t streak, const exit_reason& why, duration uptime = 1s) {
  return decide_restart(p, {streak}, why, uptime, false, 1);
}

} // namespace

TEST_CASE("restart policies decide as the contract says") {
  using k = restart_kind;
  using a = restart_action;
  struct row {
    k kind;
    std::uint32_t streak;
    exit_reason reason;
    a action;
  };
  const auto clean = exit_reason::graceful();
  const auto crash = exit_reason::signal(11);
  const auto code3 = exit_reason::code(3);
  const auto unborn = exit_reason::spawn("no such file");
  const auto late = exit_reason::timeout("not ready");
  const std::vector<row> table = {
    {k::never, 0, clean, a::rest},
    {k::never, 0, crash, a::give_up},
    {k::never, 0, unborn, a::give_up},
    {k::on_failure, 0, clean, a::rest},
    {k::on_failure, 7, clean, a::rest},
    {k::on_failure, 0, code3, a::restart},
    {k::on_failure, 1000, crash, a::restart},
    {k::on_failure, 0, unborn, a::restart},
    {k::on_failure, 0, late, a::restart},
    {k::on_failure, 0, exit_reason::health("no answer"), a::restart},
    {k::on_failure, 0, exit_reason::lost("gone"), a::restart},
    {k::always, 0, clean, a::restart},
    {k::always, 5, crash, a::restart},
    {k::unless_stopped, 0, clean, a::restart},
    {k::unless_stopped, 0, crash, a::restart},
    {k::max_retries, 0, clean, a::rest},
    {k::max_retries, 2, crash, a::restart},
    {k::max_retries, 3, crash, a::give_up},
    {k::max_retries, 4, crash, a::give_up},
    {k::max_retries, 3, clean, a::rest},
  };
  for (const auto& row : table) {
    const auto policy = exact(row.kind);
    INFO(to_string(row.kind) << ", streak " << row.streak << ", " << to_string(row.reason));
    CHECK(decide(policy, row.streak, row.reason).action == row.action);
    const auto stopped = decide_restart(policy, {row.streak}, row.reason, 1s, true, 1);
    CHECK(stopped.action == a::rest);
    CHECK(stopped.streak == 0);
    CHECK(stopped.ground == restart_ground::stop_asked);
  }
}

TEST_CASE("only the listed codes are success") {
  auto policy = exact(restart_kind::on_failure);
  policy.success_codes = {0, 3};
  CHECK(decide(policy, 0, exit_reason::code(3)).action == restart_action::rest);
  CHECK(decide(policy, 0, exit_reason::code(4)).action == restart_action::restart);
  CHECK(decide(policy, 0, exit_reason::signal(3)).action == restart_action::restart);
  policy.success_codes = {};
  CHECK(decide(policy, 0, exit_reason::code(0)).action == restart_action::restart);
}

TEST_CASE("delays of the defaults without jitter") {
  const auto policy = exact(restart_kind::on_failure);
  const std::vector<std::pair<std::uint32_t, duration>> table = {
    {1, 0ms},       {2, 100ms}, {3, 200ms}, {4, 400ms},   {5, 800ms},         {12, 102400ms},
    {13, 204800ms}, {14, 5min}, {15, 5min}, {1000, 5min}, {4294967295u, 5min}};
  for (auto [nth, delay] : table) {
    INFO(nth);
    CHECK(backoff_delay(policy, nth) == delay);
    CHECK(decide(policy, nth - 1, exit_reason::code(1)).delay == delay);
  }
}

TEST_CASE("odd delay settings stay within sense") {
  restart_policy policy;
  policy.multiplier = 0.5;
  CHECK(backoff_delay(policy, 9) == 100ms);
  policy.multiplier = std::nan("");
  CHECK(backoff_delay(policy, 9) == 100ms);
  policy.multiplier = HUGE_VAL;
  CHECK(backoff_delay(policy, 9) == 5min);
  policy.next_delay = 0s;
  CHECK(backoff_delay(policy, 9) == 0s);
  policy.next_delay = -1s;
  CHECK(backoff_delay(policy, 2) == 0s);
  policy.initial_delay = 1h;
  CHECK(backoff_delay(policy, 1) == 5min);
  policy.max_delay = duration::max();
  policy.next_delay = duration::max();
  policy.multiplier = 10;
  CHECK(backoff_delay(policy, 30) == duration::max());
  CHECK(jittered(duration::max(), 1, duration::max(), 3) >= 0s);
}

TEST_CASE("a long run clears the streak, a failed start does not") {
  auto policy = exact(restart_kind::max_retries);
  CHECK(decide(policy, 3, exit_reason::code(1), policy.reset_after - 1ns).action == restart_action::give_up);
  const auto after_run = decide(policy, 3, exit_reason::code(1), policy.reset_after);
  CHECK(after_run.action == restart_action::restart);
  CHECK(after_run.streak == 1);
  CHECK(after_run.delay == policy.initial_delay);
  policy.reset_after = 0s;
  CHECK(decide(policy, 3, exit_reason::code(1), 0s).action == restart_action::restart);
  CHECK(decide(policy, 3, exit_reason::spawn("no such file"), 0s).action == restart_action::give_up);
}

TEST_CASE("zero retries is no limit") {
  auto policy = exact(restart_kind::max_retries);
  policy.retries = 0;
  CHECK(decide(policy, 4000000000u, exit_reason::code(1)).action == restart_action::restart);
  CHECK(decide(policy, 4294967295u, exit_reason::code(1)).streak == 4294967295u);
}

TEST_CASE("decisions are told in sentences") {
  auto policy = exact(restart_kind::on_failure);
  auto text = [&](const restart_policy& p, std::uint32_t streak, const exit_reason& reason) {
    return explain(decide(p, streak, reason), p, reason);
  };
  CHECK(text(policy, 2, exit_reason::code(3)) == "restart 3 in 200ms: exited with code 3");
  CHECK(text(policy, 0, exit_reason::code(3)) == "restart 1 at once: exited with code 3");
  CHECK(text(policy, 0, exit_reason::code(0)).find("completed: ") == 0);
  CHECK(text(exact(restart_kind::never), 0, exit_reason::code(3)) == "policy 'never': exited with code 3");
  CHECK(text(exact(restart_kind::max_retries), 3, exit_reason::code(3)) == "3 retries used up: exited with code 3");
  const auto asked = decide_restart(policy, {}, exit_reason::signal(15), 1s, true, 1);
  CHECK(explain(asked, policy, exit_reason::signal(15)) == "stopped on request");
}

TEST_CASE("what starts when a node begins") {
  auto starts = [](restart_kind kind, bool autostart, bool asked, desired_state desired) {
    return starts_at_boot(exact(kind), autostart, asked, desired);
  };
  for (auto kind :
       {restart_kind::never, restart_kind::on_failure, restart_kind::always, restart_kind::unless_stopped}) {
    CHECK(starts(kind, true, false, desired_state::down));
    CHECK_FALSE(starts(kind, false, false, desired_state::down));
    CHECK(starts(kind, false, true, desired_state::up));
    CHECK(starts(kind, true, true, desired_state::down) == (kind == restart_kind::always));
    CHECK_FALSE(starts(kind, false, true, desired_state::down));
  }
}

TEST_CASE("delays grow, stay under the cap and repeat for one seed") {
  REQUIRE(rc::check("delay", [] {
    restart_policy policy;
    policy.initial_delay = std::chrono::milliseconds{*rc::gen::inRange(0, 1000)};
    policy.next_delay = std::chrono::milliseconds{*rc::gen::inRange(0, 10000)};
    policy.max_delay = std::chrono::milliseconds{*rc::gen::inRange(0, 100000)};
    policy.multiplier = *rc::gen::inRange(0, 500) / 100.0;
    policy.jitter = *rc::gen::inRange(0, 150) / 100.0;
    const auto nth = *rc::gen::inRange<std::uint32_t>(2, 200);
    const auto seed = *rc::gen::arbitrary<std::uint64_t>();
    const auto plain = backoff_delay(policy, nth);
    RC_ASSERT(plain <= policy.max_delay);
    RC_ASSERT(backoff_delay(policy, nth + 1) >= plain);
    const auto spread = jittered(plain, policy.jitter, policy.max_delay, seed);
    RC_ASSERT(spread == jittered(plain, policy.jitter, policy.max_delay, seed));
    RC_ASSERT(spread >= duration::zero());
    RC_ASSERT(spread <= policy.max_delay);
    const double share = std::min(policy.jitter, 1.0) * static_cast<double>(plain.count()) + 1;
    RC_ASSERT(std::abs(static_cast<double>((spread - plain).count())) <= share);
  }));
}

TEST_CASE("jitter uses its whole range, also at the cap") {
  duration low = duration::max(), high = duration::min();
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    const auto delay = jittered(100ms, 0.1, 5min, seed);
    low = std::min(low, delay);
    high = std::max(high, delay);
  }
  CHECK(low >= 90ms);
  CHECK(low < 91ms);
  CHECK(high <= 110ms);
  CHECK(high > 109ms);
  std::size_t at_the_cap = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed)
    at_the_cap += jittered(5min, 0.1, 5min, seed) == 5min;
  CHECK(at_the_cap < 10);
}
