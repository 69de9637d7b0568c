#include "monitors/observer/ring.hpp"

#include "tests/monitors/allocations.hpp"
#include "tests/support/catch.hpp"

#include <rapidcheck.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <vector>

using namespace duende;
using namespace duende::test;

namespace {

struct ring_item {
  std::uint64_t number;
  std::uint64_t rest[15];
};

double nanoseconds_of_push(std::size_t operations, std::size_t capacity) {
  ring<ring_item> r{capacity};
  for (std::uint64_t i = 0; i < capacity; ++i)
    r.push({i, {}});
  double best = 1e9;
  for (int round = 0; round < 7; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    for (std::uint64_t i = 0; i < operations; ++i)
      r.push({i, {}});
    ring_item last{};
    for (std::size_t i = 0; i < std::min(operations, capacity) / 2; ++i)
      r.pop(last);
    const auto spent = std::chrono::steady_clock::now() - begin;
    best = std::min(best, std::chrono::duration<double, std::nano>(spent).count() / static_cast<double>(operations));
  }
  return best;
}

} // namespace

TEST_CASE("a ring stays bounded through a million pushes, and allocates nothing", "[F052][F054]") {
  ring<ring_item> r{1000};
  const auto before = allocations();
  for (std::uint64_t i = 0; i < 1'000'000; ++i)
    r.push({i, {}});
  CHECK(allocations() == before);
  CHECK(r.size() == 1000);
  CHECK(r.capacity() == 1000);
  CHECK(r[0].number == 999'000);
  CHECK(r.back().number == 999'999);
}

TEST_CASE("push and pop take the same time however many there are", "[F053]") {
  std::vector<double> each;
  for (std::size_t n : {1'000, 10'000, 100'000, 1'000'000})
    each.push_back(nanoseconds_of_push(n, 512)); // one size of memory: caches are not what is measured
  const auto [least, most] = std::minmax_element(each.begin(), each.end());
  CAPTURE(*least, *most);
  CHECK(*most < 3 * *least);
}

TEST_CASE("a ring is a queue that forgets its oldest") {
  rc::check([] {
    const auto capacity = *rc::gen::inRange<std::size_t>(1, 9);
    ring<int> r{capacity};
    std::deque<int> model;
    for (int operation : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 6))) {
      int value = 0;
      if (operation == 0) {
        const bool some = r.pop(value);
        RC_ASSERT(some == !model.empty());
        if (some) {
          RC_ASSERT(value == model.front());
          model.pop_front();
        }
      } else if (operation == 1) {
        r.resize(capacity + 2);
        r.resize(capacity);
      } else {
        r.push(operation);
        model.push_back(operation);
        if (model.size() > capacity)
          model.pop_front();
      }
      RC_ASSERT(r.size() == model.size());
      for (std::size_t i = 0; i < model.size(); ++i)
        RC_ASSERT(r[i] == model[i]);
    }
  });
}

TEST_CASE("the first item of a range is found wherever the ring begins") {
  for (int pushed = 0; pushed < 20; ++pushed) {
    ring<int> r{7};
    for (int i = 0; i < pushed; ++i)
      r.push(i);
    for (int from = -1; from < 21; ++from) {
      std::size_t expected = 0;
      while (expected < r.size() && r[expected] < from)
        ++expected;
      CHECK(r.first_where([&](int x) { return x >= from; }) == expected);
    }
  }
}
