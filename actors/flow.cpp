#include "actors/flow.hpp"

#include <algorithm>
#include <thread>

namespace duende {

caf::expected<breaker::ticket> circuit_breaker::admit() {
  const auto now = monotonic_now();
  std::lock_guard lock{mutex_};
  if (auto ticket = breaker_.admit(now))
    return *ticket;
  return fail(errc::limit_reached, "circuit breaker {}", breaker_.explain(now));
}

void circuit_breaker::outcome(breaker::ticket call, bool success) {
  const auto now = monotonic_now();
  std::lock_guard lock{mutex_};
  if (success)
    breaker_.succeeded(call);
  else
    breaker_.failed(call, now);
}

void circuit_breaker::abandon(breaker::ticket call) {
  std::lock_guard lock{mutex_};
  breaker_.abandoned(call);
}

breaker_state circuit_breaker::state() const {
  const auto now = monotonic_now();
  std::lock_guard lock{mutex_};
  return breaker_.state(now);
}

bool rate_limiter::try_acquire(double tokens) {
  std::lock_guard lock{mutex_};
  return bucket_.admit(monotonic_now(), tokens);
}

bool rate_limiter::acquire(duration patience, double tokens) {
  constexpr duration longest = std::chrono::hours{24 * 365};
  const auto deadline = monotonic_now() + std::min(patience, longest);
  for (;;) {
    duration wait{};
    {
      std::lock_guard lock{mutex_};
      const auto now = monotonic_now();
      if (bucket_.admit(now, tokens))
        return true;
      wait = bucket_.wait(now, tokens);
      if (wait > deadline - now)
        return false;
    }
    std::this_thread::sleep_for(wait);
  }
}

} // namespace duende
