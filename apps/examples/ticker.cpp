// 100,000 supervised actors in one process: plain CAF behaviours as daemons, on CAF's scheduler.
//
//   ticker [COUNT]   spawns COUNT tickers below one supervisor, says what that took, runs until SIGINT or SIGTERM
#include <duende/duende.hpp>

#include <caf/all.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>

using namespace std::chrono_literals;

namespace {

std::atomic<unsigned long> ticks{0};

// A short-lived mistake of one ticker ends that actor only; its supervisor starts it again.
caf::behavior ticker_behavior(caf::event_based_actor* self) {
  self->delayed_send(self, 60s, caf::tick_atom::value);
  return {
    [self](caf::tick_atom) {
      ++ticks;
      self->delayed_send(self, 60s, caf::tick_atom::value);
    },
  };
}

double seconds_since(duende::instant start) {
  return std::chrono::duration<double>(duende::monotonic_now() - start).count();
}

} // namespace

int main(int argc, char** argv) {
  auto count = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 100'000ul;
  duende::runtime runtime{{.name = "ticker"}};
  auto group = runtime.supervisor("tickers", {.strategy = duende::strategy::one_for_one});
  auto start = duende::monotonic_now();
  for (unsigned long i = 0; i < count; ++i) {
    if (auto spawned = group.spawn_actor("ticker-" + std::to_string(i), ticker_behavior); !spawned) {
      std::fprintf(stderr, "ticker: %s\n", duende::sentence(spawned.error()).c_str());
      return 1;
    }
  }
  auto took = seconds_since(start);
  std::printf(
    "ticker: %lu supervised actors in %.2f s (%.0f a second)\n", count, took, static_cast<double>(count) / took);
  std::fflush(stdout);
  auto code = runtime.run_until_signal();
  std::printf("ticker: %lu ticks\n", ticks.load());
  return code;
}
