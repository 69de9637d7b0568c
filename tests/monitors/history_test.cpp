// What is recorded comes back, and what is old goes.
#include "tests/monitors/history_support.hpp"

using namespace duende;
using namespace duende::test;
using namespace std::chrono_literals;

TEST_CASE("events come back as they were recorded, from file and memory alike") {
  temp_dir dir;
  for (const auto& path : {dir / "duende.db", std::string{}}) {
    history_options options;
    options.node = "web-1";
    auto h = must_open(path, options);
    CHECK(h->record(exit_of("db", "db: killed by SIGSEGV")) == 1);
    CHECK(h->record(exit_of("", std::string("odd \0 \xff text", 12))) == 2);
    for (bool flushed : {false, true}) {
      if (flushed)
        REQUIRE(h->flush(10s));
      const auto found = events_of(*h);
      REQUIRE(ids_of(found) == std::vector<std::int64_t>{1, 2});
      CHECK(found[0].kind == event_kind::exit);
      CHECK(found[0].daemon == "db");
      CHECK(found[0].supervisor == "shop");
      CHECK(found[0].node == "web-1");
      CHECK(found[0].incarnation == 3);
      CHECK(found[0].cause == exit_cause::signal);
      CHECK(found[0].text == "db: killed by SIGSEGV");
      CHECK(std::chrono::abs(wall_now() - found[0].at) < 60s);
      CHECK(found[1].text == std::string("odd \0 \xff text", 12));
      CHECK(found[1].daemon.empty());
    }
    CHECK(h->last_id() == 2);
  }
}

TEST_CASE("queries filter by id, time, daemon and count", "[F055]") {
  temp_dir dir;
  for (const auto& path : {dir / "duende.db", std::string{}}) {
    auto h = must_open(path);
    const wall_time start{1000000s};
    for (int i = 1; i <= 100; ++i) {
      auto e = exit_of(i % 2 ? "odd" : "even");
      e.at = start + i * 1s;
      h->record(std::move(e));
      if (i == 60)
        REQUIRE(h->flush(10s));
    }
    CHECK(events_of(*h).size() == 100);
    CHECK(ids_of(events_of(*h, {97, {}, {}, 0, 1000})) == std::vector<std::int64_t>{98, 99, 100});
    CHECK(ids_of(events_of(*h, {0, {}, {}, 0, 2})) == std::vector<std::int64_t>{99, 100});
    CHECK(ids_of(events_of(*h, {94, {}, {"odd"}, 0, 1000})) == std::vector<std::int64_t>{95, 97, 99});
    CHECK(ids_of(events_of(*h, {0, start + 98s, {"even"}, 0, 1000})) == std::vector<std::int64_t>{98, 100});
    CHECK(events_of(*h, {0, start + 51s, {}, 0, 1000}).size() == 50);
    CHECK(ids_of(events_of(*h, {0, {}, {"odd"}, 0, 22})).front() == 57);
    CHECK(events_of(*h, {0, {}, {"none"}, 0, 1000}).empty());
    CHECK(events_of(*h, {0, {}, {}, 0, 0}).empty());
    CHECK(events_of(*h, {0, {}, {"odd", "even"}, 0, 1000}).size() == 100);
    CHECK(events_of(*h, {0, {}, {"odd", "none"}, 0, 1000}).size() == 50);
    CHECK(events_of(*h, {0, {}, {}, bit_of(events_of(*h).front().kind), 1000}).size() == 100);
    CHECK(events_of(*h, {0, {}, {"odd"}, bit_of(event_kind::upgrade), 1000}).empty());
  }
}

TEST_CASE("children, desired state and the stack survive a close") {
  temp_dir dir;
  const auto db = uuid::random(), web = uuid::random(), gone = uuid::random(), fresh = uuid::random();
  {
    auto h = must_open(dir / "duende.db");
    CHECK(h->load().children.empty());
    child_row row;
    row.id = db;
    row.name = "db";
    row.supervisor = "shop";
    row.state = daemon_state::failed;
    row.incarnation = 3;
    row.restarts = 5;
    row.streak = 2;
    row.last = last_exit{exit_reason::signal(11, true), wall_time{5s}, ""};
    row.record = std::string("a\0b", 3);
    h->put_child(row);
    for (std::uint32_t i = 0; i < 1000; ++i)
      h->put_child({web, "web", "root", daemon_state::running, i, {}, {}, {}, {}, {}});
    h->put_child({gone, "gone", "root", {}, {}, {}, {}, {}, {}, {}});
    h->put_desired(gone, "gone", desired_state::up);
    h->remove_child(gone);
    waiting_for<std::string> done;
    h->put_desired(db, "db", desired_state::down, [&](caf::error e) { done.set(sentence(e)); });
    CHECK(done.get().has_value());
    h->put_desired(fresh, "fresh", desired_state::up);
    h->put_stack("first");
    h->put_stack("{\"daemons\": []}");
    h->record(exit_of("db"));
  }
  auto h = must_open(dir / "duende.db");
  const auto state = h->load();
  CHECK(state.clean);
  CHECK(state.stack == "{\"daemons\": []}");
  CHECK(state.last_event_id == 1);
  REQUIRE(state.children.size() == 3);
  const auto& first = state.children[0];
  CHECK(first.id == db);
  CHECK(first.name == "db");
  CHECK(first.supervisor == "shop");
  CHECK(first.state == daemon_state::failed);
  CHECK(first.incarnation == 3);
  CHECK(first.restarts == 5);
  CHECK(first.streak == 2);
  REQUIRE(first.last);
  CHECK(first.last->reason == exit_reason::signal(11, true));
  CHECK(first.last->at == wall_time{5s});
  CHECK(first.last->text == to_string(first.last->reason));
  CHECK(first.record == std::string("a\0b", 3));
  CHECK(first.desired == desired_state::down);
  CHECK(state.children[1].name == "fresh");
  CHECK(state.children[1].desired == desired_state::up);
  CHECK(state.children[2].incarnation == 999);
  CHECK_FALSE(state.children[2].desired);
  CHECK(h->load().children.empty());
  CHECK(h->record(exit_of("db")) == 2);
}

TEST_CASE("old events go, the newest stay") {
  temp_dir dir;
  history_options options;
  options.max_events = 100;
  auto h = must_open(dir / "duende.db", options);
  for (int i = 0; i < 5000; ++i)
    h->record(exit_of("db"));
  REQUIRE(h->flush(10s));
  h->record(exit_of("db"));
  REQUIRE(eventually([&] {
    h->record(exit_of("db"));
    return h->flush(10s) && events_of(*h, {0, {}, {}, 0, 100000}).size() <= 120;
  }));
  const auto kept = events_of(*h, {0, {}, {}, 0, 100000});
  CHECK(kept.size() >= 100);
  CHECK(kept.back().id == h->last_id());
  CHECK(kept.front().id == h->last_id() - static_cast<std::int64_t>(kept.size()) + 1);
}

TEST_CASE("events past their age go") {
  temp_dir dir;
  history_options options;
  options.max_age = 1h;
  auto h = must_open(dir / "duende.db", options);
  auto old = exit_of("db");
  old.at = wall_now() - 2h;
  h->record(old);
  h->record(exit_of("db"));
  REQUIRE(h->flush(10s));
  h->record(exit_of("db"));
  REQUIRE(eventually([&] { return h->flush(10s) && ids_of(events_of(*h)) == std::vector<std::int64_t>{2, 3}; }));
}

TEST_CASE("memory alone keeps the last events in a ring") {
  history_options options;
  options.max_ring = 1000;
  auto h = must_open("", options);
  for (int i = 0; i < 2500; ++i)
    h->record(exit_of("db"));
  const auto kept = events_of(*h, {0, {}, {}, 0, 100000});
  REQUIRE(kept.size() == 1000);
  CHECK(kept.front().id == 1501);
  CHECK(kept.back().id == 2500);
  bool done = false;
  h->put_desired(uuid::random(), "db", desired_state::up, [&](caf::error e) { done = !e; });
  CHECK(done);
  CHECK(h->flush(0s));
  CHECK(h->load().children.empty());
}
