// A decision of the circuit breaker with its outcome: the pure one, and the thread-safe one with its clock. Prints name=value words.
#include <duende/duende.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

namespace {

constexpr int rounds = 2'000'000;

/// Nanoseconds for one, the median of nine runs.
template <class F>
double time_of(F&& once) {
  std::vector<double> runs;
  for (int run = 0; run < 9; ++run) {
    auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < rounds; ++i)
      once(i);
    runs.push_back(std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begin).count() / rounds);
  }
  std::sort(runs.begin(), runs.end());
  return runs[runs.size() / 2];
}

} // namespace

int main() {
  using namespace std::chrono_literals;
  duende::breaker pure{{5, 30s, 3}};
  auto now = duende::monotonic_now();
  auto decision = time_of([&](int i) {
    now += 1us;
    if (auto ticket = pure.admit(now)) {
      if (i % 3 == 0)
        pure.failed(*ticket, now);
      else
        pure.succeeded(*ticket);
    }
  });
  duende::circuit_breaker shared{{5, 30s, 3}};
  auto locked = time_of([&](int i) {
    if (auto ticket = shared.admit())
      shared.outcome(*ticket, i % 3 != 0);
  });
  std::printf("decision_ns=%.1f\nlocked_ns=%.1f\n", decision, locked);
}
