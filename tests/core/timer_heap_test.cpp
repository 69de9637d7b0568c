// Timers by the hundred thousand.
#include "core/timer_heap.hpp"
#include "tests/support/catch.hpp"

#include <rapidcheck.h>

#include <algorithm>
#include <random>
#include <set>
#include <tuple>
#include <vector>

using namespace duende;
using namespace std::chrono_literals;

TEST_CASE("timer_heap behaves like a sorted multimap") {
  CHECK(rc::check("random adds, cancels and collections", [] {
    timer_heap heap;
    std::set<std::tuple<instant, std::size_t, timer_heap::id>> model;
    std::vector<timer_heap::id> ids;
    std::size_t order = 0;
    auto steps = *rc::gen::container<std::vector<std::pair<int, int>>>(
      rc::gen::pair(rc::gen::inRange(0, 4), rc::gen::inRange(0, 50)));
    for (auto [action, value] : steps) {
      instant when{std::chrono::milliseconds{value}};
      if (action <= 1) {
        auto id = heap.add(when, [] {});
        RC_ASSERT(id != 0u);
        model.emplace(when, order++, id);
        ids.push_back(id);
      } else if (action == 2 && !ids.empty()) {
        auto id = ids[static_cast<std::size_t>(value) % ids.size()];
        auto found = std::find_if(model.begin(), model.end(), [&](auto& e) { return std::get<2>(e) == id; });
        RC_ASSERT(static_cast<bool>(heap.cancel(id)) == (found != model.end()));
        if (found != model.end()) {
          model.erase(found);
        }
      } else if (action == 3) {
        std::vector<timer_heap::id> due;
        heap.collect_due(when, due);
        for (auto id : due) {
          RC_ASSERT(!model.empty());
          RC_ASSERT(std::get<2>(*model.begin()) == id);
          RC_ASSERT(std::get<0>(*model.begin()) <= when);
          RC_ASSERT(static_cast<bool>(heap.take(id)));
          model.erase(model.begin());
        }
      }
      RC_ASSERT(heap.empty() == model.empty());
      RC_ASSERT(heap.earliest() == (model.empty() ? std::nullopt : std::optional(std::get<0>(*model.begin()))));
    }
  }));
}

TEST_CASE("100,000 timers are set and cancelled without quadratic work") {
  timer_heap heap;
  std::mt19937 random(1);
  std::vector<timer_heap::id> ids;
  auto start = monotonic_now();
  for (int i = 0; i < 100'000; ++i) {
    ids.push_back(heap.add(instant{duration{random()}}, [] {}));
  }
  std::shuffle(ids.begin(), ids.end(), random);
  for (auto id : ids) {
    heap.cancel(id);
  }
  CHECK(heap.empty());
  CHECK(monotonic_now() - start < 10s); // 0.05 s; shifting all others would take minutes with a sanitizer
}
