#include "actors/flow.hpp"

#include "tests/support/catch.hpp"

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace duende;
using namespace std::chrono_literals;

namespace {

caf::expected<int> refused() { return make_error(errc::unreachable, "nobody there"); }

} // namespace

TEST_CASE("calls through a breaker: refused once it is open, without being made", "[F065]") {
  circuit_breaker breaker{{3, 1h, 1}};
  int calls = 0;
  for (int i = 0; i < 5; ++i) {
    auto result = breaker.call([&] {
      ++calls;
      return refused();
    });
    REQUIRE_FALSE(result);
    CHECK(code_of(result.error()) == (i < 3 ? errc::unreachable : errc::limit_reached));
  }
  CHECK(calls == 3);
  CHECK_THAT(sentence(breaker.call([] { return 1; }).error()), Contains("circuit breaker open for "));
}

TEST_CASE("a breaker takes values, nothing and exceptions", "[F065]") {
  circuit_breaker breaker{{100, 1h, 1}};
  CHECK(*breaker.call([] { return 7; }) == 7);
  CHECK(breaker.call([] {}));
  CHECK(*breaker.call([]() -> caf::expected<std::string> { return std::string{"x"}; }) == "x");
  CHECK(
    sentence(breaker.call([]() -> int { throw std::runtime_error("boom"); }).error()) == "threw an exception: boom");
  CHECK_FALSE(breaker.call([] { throw 1; }));
}

TEST_CASE("of many threads one gets the trial", "[F066][F067]") {
  circuit_breaker breaker{{1, 50ms, 1}};
  CHECK_FALSE(breaker.call(refused));
  while (breaker.state() != breaker_state::half_open)
    std::this_thread::yield();
  std::atomic<int> inside{0}, most{0}, made{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      auto ticket = breaker.admit();
      if (!ticket)
        return;
      ++made;
      most = std::max(most.load(), ++inside);
    });
  for (auto& each : threads)
    each.join();
  CHECK(made == 1);
  CHECK(most == 1);
}

TEST_CASE("a half-open breaker closes on success and opens again on failure", "[F067]") {
  for (bool success : {true, false}) {
    circuit_breaker breaker{{1, 1ms, 1}};
    CHECK_FALSE(breaker.call(refused));
    while (breaker.state() != breaker_state::half_open)
      std::this_thread::yield();
    if (success)
      CHECK(breaker.call([] { return 1; }));
    else
      CHECK_FALSE(breaker.call(refused));
    CHECK(breaker.state() != (success ? breaker_state::open : breaker_state::closed));
  }
}

TEST_CASE("a full queue rejects, a drained one accepts again", "[F068][F069]") {
  bounded_queue<int> queue{3};
  for (int i = 0; i < 3; ++i)
    CHECK(queue.try_push(i));
  auto fourth = queue.try_push(3);
  REQUIRE_FALSE(fourth);
  CHECK(code_of(fourth.error()) == errc::limit_reached);
  CHECK(sentence(fourth.error()) == "the queue is full: 3 wait in it");
  CHECK(code_of(queue.push(3, 1ms).error()) == errc::timed_out);
  CHECK(queue.pop() == 0);
  CHECK(queue.try_push(3));
  for (int i = 1; i <= 3; ++i)
    CHECK(queue.pop() == i);
  CHECK_FALSE(queue.pop());
  queue.close();
  CHECK(code_of(queue.try_push(4).error()) == errc::canceled);
  CHECK_FALSE(queue.pop(1h)); // closed: nobody waits
}

TEST_CASE("who puts in waits for who takes out", "[F069]") {
  bounded_queue<int> queue{2};
  constexpr int count = 10'000;
  std::thread producer{[&] {
    for (int i = 0; i < count; ++i)
      if (!queue.push(i, 10s))
        return;
    queue.close();
  }};
  int next = 0;
  while (auto item = queue.pop(10s)) {
    CHECK(*item == next++);
    if (queue.size() > queue.capacity())
      FAIL("more than its capacity");
  }
  producer.join();
  CHECK(next == count);
}

TEST_CASE("a rate limiter holds its rate over time", "[F070]") {
  rate_limiter limiter{200, 5};
  auto begin = monotonic_now();
  int admitted = 0, offered = 0;
  while (monotonic_now() - begin < 500ms) {
    ++offered;
    admitted += limiter.try_acquire() ? 1 : 0;
  }
  auto seconds = std::chrono::duration<double>(monotonic_now() - begin).count();
  CHECK(offered > 10 * admitted);
  CHECK(admitted <= 5 + 200 * seconds + 1);
  CHECK(admitted >= 5 + 200 * 0.5 - 2);
  CHECK(limiter.acquire(1s));
  CHECK_FALSE(limiter.acquire(1h, 6)); // more than it ever holds: said at once
}
