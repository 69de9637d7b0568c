#include "monitors/observer/observation.hpp"

#include "monitors/usage/proc_text.hpp"
#include "tests/monitors/allocations.hpp"
#include "tests/monitors/observer_support.hpp"

#include <map>
#include <memory>

using namespace duende;
using namespace duende::test;
using namespace std::chrono_literals;

TEST_CASE("samples come at multiples of the interval, all due at once, and allocate nothing", "[F054]") {
  watched_child a, b;
  observation all{10s, 100};
  const auto ida = uuid::random(), idb = uuid::random();
  all.bind(ida, a.pid(), clock_ticks_now());
  all.bind(idb, b.pid(), clock_ticks_now());
  CHECK_FALSE(all.due());
  const instant begin{1000s + 30ms};
  all.set_interval(ida, 100ms, begin);
  all.set_interval(idb, 100ms, begin);
  CHECK(all.due() == begin);
  CHECK_FALSE(all.look(begin, wall_now(), 100));
  CHECK(all.due() == instant{1000s + 100ms});
  CHECK(all.open_descriptors() == 2 * process_eye::descriptors);
  all.look(instant{1000s + 100ms}, wall_now(), 100);
  const auto before = allocations();
  for (int i = 2; i < 1000; ++i)
    all.look(instant{1000s + i * 100ms}, wall_time{}, 100);
  CHECK(allocations() == before);
  REQUIRE(all.samples(ida));
  CHECK(all.samples(ida)->size() == 102); // 10 s and a little
  CHECK(all.samples(ida)->back().at == instant{1099s + 900ms});
  CHECK(all.look(instant{1100s}, wall_time{}, 1)); // the other one is left
  CHECK_FALSE(all.look(instant{1100s}, wall_time{}, 1));
  CHECK(all.samples(idb)->back().at == instant{1100s});
  all.look(instant{1100s + 730ms}, wall_time{}, 100); // late: what was missed is not made up for
  CHECK(all.due() == instant{1100s + 800ms});
}

TEST_CASE("lives of one daemon share a ring; between them nothing is due") {
  observation all{10s, 100};
  const auto id = uuid::random();
  auto first = std::make_unique<watched_child>();
  const auto first_pid = first->pid();
  all.bind(id, first_pid, clock_ticks_now());
  all.set_interval(id, 1s, instant{1s});
  all.look(instant{1s}, wall_time{}, 10);
  first.reset();
  all.look(instant{2s}, wall_time{}, 10);
  CHECK_FALSE(all.due());
  CHECK(all.open_descriptors() == 0);
  watched_child second;
  all.bind(id, second.pid(), clock_ticks_now());
  REQUIRE(all.due());
  all.look(instant{3s}, wall_time{}, 10);
  const auto& samples = *all.samples(id);
  REQUIRE(samples.size() == 2);
  CHECK(samples[0].pid == first_pid);
  CHECK(samples[1].pid == second.pid());
  CHECK_FALSE(cpu_percent(samples[0], samples[1]));
  all.bind(id, 0, 0);
  CHECK_FALSE(all.due());
  all.set_interval(id, 0s, instant{4s});
  all.forget(id);
  CHECK(all.samples(id) == nullptr);
}

TEST_CASE("without descriptors to spare files are opened for each look") {
  watched_child a, b;
  observation all{10s, process_eye::descriptors};
  std::map<uuid, int> seen;
  for (auto* c : {&a, &b}) {
    const auto id = uuid::random();
    all.bind(id, c->pid(), clock_ticks_now());
    all.set_interval(id, 1s, instant{1s});
  }
  for (int i = 1; i < 4; ++i)
    all.look(instant{i * 1s}, wall_time{}, 10, [&](const uuid& id, const auto& ring) {
      ++seen[id];
      CHECK(ring.back().threads == 1);
      CHECK(ring.back().resident_bytes > 0);
    });
  CHECK(all.open_descriptors() == process_eye::descriptors + 1);
  REQUIRE(seen.size() == 2);
  for (auto& [id, count] : seen)
    CHECK(count == 3);
}

TEST_CASE("the process table's limit of descriptors delays a look and ends nothing", "[F103]") {
  watched_child c;
  observation all{10s, 100};
  const auto id = uuid::random();
  all.bind(id, c.pid(), clock_ticks_now());
  all.set_interval(id, 1s, instant{1s});
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  none.rlim_cur = 3;
  setrlimit(RLIMIT_NOFILE, &none);
  all.look(instant{1s}, wall_time{}, 10);
  setrlimit(RLIMIT_NOFILE, &before);
  CHECK(all.samples(id)->empty());
  CHECK(all.due() == instant{2s});
  all.look(instant{2s}, wall_time{}, 10);
  CHECK(all.samples(id)->size() == 1);
}
