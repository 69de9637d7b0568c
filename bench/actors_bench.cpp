// 100,000 supervised in-process actors below one supervisor: spawns a second, memory of each, and kills with restart a second.
// Prints name=value words for bench/run. A count of its own as argument.
#include <duende/duende.hpp>

#include <caf/send.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

namespace {

std::atomic<std::size_t> starts{0};
std::mutex addresses_mutex;
std::vector<caf::actor_addr> addresses; ///< the newest incarnation of each; weak, so that they keep nothing alive

std::size_t resident_bytes() {
  std::ifstream in{"/proc/self/smaps_rollup"};
  for (std::string line; std::getline(in, line);)
    if (line.compare(0, 4, "Pss:") == 0)
      return std::strtoull(line.c_str() + 4, nullptr, 10) * 1024;
  return 0;
}

double seconds_since(clock_type::time_point begin) {
  return std::chrono::duration<double>(clock_type::now() - begin).count();
}

/// Until so many incarnations have begun; false after two minutes.
bool reach(std::size_t count) {
  for (auto begin = clock_type::now(); starts.load(std::memory_order_relaxed) < count;) {
    if (seconds_since(begin) > 120)
      return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

duende::behavior_factory behaviour_of(std::size_t number) {
  return [number](caf::event_based_actor* self) -> caf::behavior {
    {
      std::lock_guard lock{addresses_mutex};
      addresses[number] = self->address();
    }
    starts.fetch_add(1, std::memory_order_relaxed);
    return {[](int x) { return x; }};
  };
}

int measure(std::size_t count) {
  addresses.resize(count);
  duende::runtime runtime{{.name = "actors-bench", .socket = "none"}};
  if (runtime.error()) {
    std::fprintf(stderr, "%s\n", duende::sentence(runtime.error()).c_str());
    return 1;
  }
  auto group = runtime.supervisor("group", {.intensity = {1'000'000'000, 1s}});
  auto before = resident_bytes();
  auto begin = clock_type::now();
  for (std::size_t i = 0; i < count; ++i)
    if (auto done = group.spawn_actor("a" + std::to_string(i), behaviour_of(i)); !done) {
      std::fprintf(stderr, "%s\n", duende::sentence(done.error()).c_str());
      return 1;
    }
  if (!reach(count)) {
    std::fprintf(stderr, "%zu of %zu actors began\n", starts.load(), count);
    return 1;
  }
  auto spawning = seconds_since(begin);
  std::this_thread::sleep_for(1s); // what the spawns left behind settles
  auto bytes = static_cast<double>(resident_bytes() - before) / static_cast<double>(count);

  begin = clock_type::now();
  for (std::size_t i = 0; i < count; ++i) {
    caf::actor victim;
    {
      std::lock_guard lock{addresses_mutex};
      victim = caf::actor_cast<caf::actor>(addresses[i]);
    }
    if (victim)
      caf::anon_send_exit(victim, caf::exit_reason::kill);
  }
  if (!reach(2 * count)) {
    std::fprintf(stderr, "%zu of %zu actors were restarted\n", starts.load() - count, count);
    return 1;
  }
  auto restarting = seconds_since(begin);
  std::printf(
    "count=%zu spawns_per_second=%.0f bytes_each=%.0f restarts_per_second=%.0f\n", count,
    static_cast<double>(count) / spawning, bytes, static_cast<double>(count) / restarting);
  std::fflush(stdout);
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  auto count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100'000;
  return measure(count);
}
