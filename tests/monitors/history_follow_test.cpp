#include "monitors/history/store.hpp"
#include "tests/monitors/history_support.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/waiting.hpp"

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <thread>

using namespace duende;
using namespace std::chrono_literals;

namespace {

/// Collects what a follower is told until `count` events are there.
struct reader {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<event> events;

  std::function<bool(const std::vector<event>&)> callback() {
    return [this](const std::vector<event>& batch) {
      std::lock_guard lock{mutex};
      events.insert(events.end(), batch.begin(), batch.end());
      changed.notify_all();
      return true;
    };
  }
  bool wait(std::size_t count) {
    std::unique_lock lock{mutex};
    return changed.wait_for(lock, 20s, [&] { return events.size() >= count; });
  }
};

void check_ascending(const std::vector<event>& events, std::int64_t first) {
  for (const auto& e : events)
    REQUIRE(e.id == first++);
}

} // namespace

TEST_CASE("a follower gets stored events first, then new ones, each once and in order") {
  test::temp_dir dir;
  for (const auto& path : {dir / "duende.db", std::string{}}) {
    auto h = std::move(*history::open(path));
    for (int i = 0; i < 3000; ++i)
      h->record(test::about_db("stored"));
    REQUIRE(h->flush(10s));
    reader r;
    auto token = h->follow(10, r.callback());
    REQUIRE(token);
    for (int i = 0; i < 3000; ++i)
      h->record(test::about_db("new"));
    REQUIRE(r.wait(5990));
    token.reset();
    CHECK(r.events.size() == 5990);
    check_ascending(r.events, 11);
  }
}

TEST_CASE("a follower comes back after the node was closed") {
  test::temp_dir dir;
  const auto path = dir / "duende.db";
  {
    auto h = std::move(*history::open(path));
    for (int i = 0; i < 700; ++i)
      h->record(test::about_db("before"));
  }
  auto h = std::move(*history::open(path));
  reader r;
  auto token = h->follow(5, r.callback());
  h->record(test::about_db("after"));
  REQUIRE(r.wait(696));
  token.reset();
  check_ascending(r.events, 6);
  CHECK(r.events.back().text == "after");
}

TEST_CASE("a follower that was too slow is told what it missed") {
  history_options options;
  options.max_ring = 100;
  auto h = std::move(*history::open("", options));
  h->record(test::about_db("first"));
  waiting_for<bool> busy, go;
  reader r;
  auto collect = r.callback();
  auto token = h->follow(0, [&](const std::vector<event>& batch) {
    busy.set(true);
    go.get();
    return collect(batch);
  });
  REQUIRE(busy.get());
  for (int i = 0; i < 1000; ++i)
    h->record(test::about_db("more"));
  go.set(true);
  REQUIRE(r.wait(102));
  token.reset();
  CHECK(r.events[1].kind == event_kind::limit);
  CHECK(r.events[1].text == "event ids 2 to 901 are no longer kept");
  CHECK(r.events[1].id == 901);
  check_ascending({r.events.begin() + 2, r.events.end()}, 902);
}

TEST_CASE("a slow follower slows nobody") {
  auto h = std::move(*history::open(""));
  waiting_for<bool> busy, go;
  auto stuck = h->follow(0, [&](const auto&) {
    busy.set(true);
    go.get();
    return true;
  });
  h->record(test::about_db("one"));
  REQUIRE(busy.get());
  reader r;
  auto token = h->follow(0, r.callback());
  h->record(test::about_db("two"));
  CHECK(r.wait(2));
  go.set(true);
}

TEST_CASE("a follower ends by its answer, by its token, within its call, and with the history") {
  auto h = std::move(*history::open(""));
  h->record(test::about_db("one"));
  std::atomic<int> calls = 0;
  waiting_for<bool> called;
  auto by_answer = h->follow(0, [&](const auto&) {
    ++calls;
    called.set(true);
    return false;
  });
  REQUIRE(called.get());
  h->record(test::about_db("two"));
  by_answer.reset();
  CHECK(calls == 1);

  waiting_for<bool> let_go;
  auto own = std::make_shared<std::shared_ptr<void>>();
  std::mutex set;
  {
    std::lock_guard lock{set};
    *own = h->follow(0, [own, &set, &let_go](const auto&) {
      std::lock_guard inner{set};
      own->reset();
      let_go.set(true);
      return true;
    });
  }
  CHECK(let_go.get());

  reader r;
  auto token = h->follow(0, r.callback());
  REQUIRE(r.wait(2));
  h.reset();
  CHECK(r.events.size() == 2);
  token.reset();
}

TEST_CASE("an id from elsewhere follows what is new") {
  auto h = std::move(*history::open(""));
  h->record(test::about_db("one"));
  reader r;
  auto token = h->follow(5000, r.callback());
  h->record(test::about_db("two"));
  REQUIRE(r.wait(1));
  CHECK(r.events.front().id == 2);
}

TEST_CASE("followers are limited") {
  auto h = std::move(*history::open(""));
  std::vector<std::shared_ptr<void>> tokens;
  for (int i = 0; i < 256; ++i)
    tokens.push_back(h->follow(0, [](const auto&) { return true; }));
  CHECK(tokens.back());
  CHECK_FALSE(h->follow(0, [](const auto&) { return true; }));
  tokens.pop_back();
  CHECK(h->follow(0, [](const auto&) { return true; }));
}

TEST_CASE("many threads record, every event gets an id of its own and is kept") {
  test::temp_dir dir;
  auto h = std::move(*history::open(dir / "duende.db"));
  reader r;
  auto token = h->follow(0, r.callback());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i)
        h->record(test::about_db("x"));
    });
  for (auto& t : threads)
    t.join();
  REQUIRE(r.wait(20000));
  check_ascending(r.events, 1);
  CHECK(h->events({.limit = 100000})->size() == 20000);
}
