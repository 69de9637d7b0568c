// Timers by the clock on the wall.
#include "core/wall_timer.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/waiting.hpp"

#include <algorithm>
#include <atomic>

using namespace duende;
using namespace std::chrono_literals;

namespace {

/// What timers said, in order.
struct told {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> words;
  auto saying(std::string word) {
    return [this, word](bool due) {
      std::lock_guard lock{mutex};
      words.push_back(word + (due ? "" : " early"));
      changed.notify_all();
    };
  }
  std::size_t count() {
    std::lock_guard lock{mutex};
    return words.size();
  }
  bool wait(std::size_t wanted) {
    std::unique_lock lock{mutex};
    changed.wait_for(lock, 10s, [&] { return words.size() >= wanted; });
    return words.size() == wanted;
  }
};

struct timers {
  told said;
  std::unique_ptr<reactor> io = std::make_unique<reactor>();
  wall_timers clock{*io};
  ~timers() { io.reset(); }
};

} // namespace

TEST_CASE("wall timers come in order, at their time and not before", "[F101]") {
  timers t;
  auto now = wall_now();
  std::atomic<std::int64_t> late{-1};
  t.clock.at(now + 60ms, t.said.saying("b"));
  t.clock.at(now + 30ms, [&](bool due) {
    late = (wall_now() - (now + 30ms)).count();
    t.said.saying("a")(due);
  });
  t.clock.at(now - 1h, t.said.saying("past"));
  auto gone = t.clock.at(now + 40ms, t.said.saying("gone"));
  t.clock.cancel(gone);
  t.clock.cancel(4711);
  REQUIRE(t.said.wait(3));
  CHECK(t.said.words == std::vector<std::string>{"past", "a", "b"});
  CHECK(late >= 0);
}

TEST_CASE("somebody sets the clock: all are told, those whose time has come as due", "[F101]") {
  timers t;
  auto now = wall_now();
  t.clock.at(now + 1h, t.said.saying("soon"));
  t.clock.at(now + 24h, t.said.saying("tomorrow"));
  t.clock.clock_was_set();
  REQUIRE(t.said.wait(2));
  CHECK(t.said.words == std::vector<std::string>{"soon early", "tomorrow early"});
  t.clock.at(wall_now() + 20ms, t.said.saying("after"));
  REQUIRE(t.said.wait(3));
  CHECK(t.said.words.back() == "after");
}

TEST_CASE("a wall timer's handler may set the next one", "[wall]") {
  timers t;
  std::function<void(bool)> again = [&](bool due) {
    t.said.saying("x")(due);
    if (t.said.count() < 5)
      t.clock.at(wall_now() + 5ms, again);
  };
  t.clock.at(wall_now(), again);
  CHECK(t.said.wait(5));
}
