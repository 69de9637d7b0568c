// The way from an older layout: a real file of version 1, forward only, and nothing before the node serves.
#include "tests/monitors/history_support.hpp"

#include <sqlite3.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace duende;
using namespace duende::test;
using namespace std::chrono_literals;

namespace {

struct connection {
  explicit connection(const std::string& path) { REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK); }
  ~connection() { sqlite3_close(db); }
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;
  void exec(const std::string& sql) {
    INFO(sqlite3_errmsg(db));
    REQUIRE(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  }
  /// The first column of all rows, one a line.
  std::string ask(const char* sql) {
    std::string text;
    auto add = [](void* to, int, char** columns, char**) {
      *static_cast<std::string*>(to) += std::string{columns[0] ? columns[0] : ""} + "\n";
      return 0;
    };
    REQUIRE(sqlite3_exec(db, sql, add, &text, nullptr) == SQLITE_OK);
    return text;
  }
  sqlite3* db = nullptr;
};

std::string version_of(const std::string& path) { return connection{path}.ask("PRAGMA user_version"); }

std::string layout_of(const std::string& path) {
  return connection{path}.ask(
    "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY name");
}

void make_version_1(const std::string& path) {
  std::ifstream file{DUENDE_MONITORS_FILES "/layout_1.sql"};
  REQUIRE(file);
  std::stringstream sql;
  sql << file.rdbuf();
  connection{path}.exec(sql.str());
}

std::unique_ptr<history> open_and_climb(const std::string& path) {
  auto h = must_open(path);
  h->migrate();
  REQUIRE(h->flush(10s));
  return h;
}

} // namespace

TEST_CASE("a file of version 1 climbs once the node serves, keeps all it held, and a copy of it stays") {
  temp_dir dir;
  const auto path = dir / "duende.db";
  make_version_1(path);
  const auto before = connection{path}.ask("SELECT id || text FROM events ORDER BY id");
  auto h = must_open(path);
  auto state = h->load();
  CHECK(state.children.size() == 4);
  auto web = std::find_if(state.children.begin(), state.children.end(), [](auto& row) { return row.name == "web"; });
  REQUIRE(web != state.children.end());
  CHECK(web->restarts == 1);
  CHECK_FALSE(state.stack.empty());
  h->record(exit_of("web"));
  REQUIRE(h->flush(10s));
  CHECK(version_of(path) == "1\n"); // not yet: the program that wrote it may have to come back
  h->migrate();
  REQUIRE(h->flush(10s));
  CHECK(version_of(path) == "2\n");
  CHECK(connection{path}.ask("SELECT id || text FROM events ORDER BY id").starts_with(before));
  const auto copy = dir / "duende.db.v1";
  CHECK(version_of(copy) == "1\n");
  CHECK(connection{copy}.ask("SELECT count(*) FROM children") == "4\n");
  struct stat info {};
  REQUIRE(stat(copy.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  CHECK_THAT(events_of(*h).back().text, Contains("has version 2 now") && Contains(copy));
  h->migrate(); // a second time there is nothing to do
  h->record(exit_of("web", "later"));
  REQUIRE(h->flush(10s));
  CHECK(events_of(*h).back().text == "later");
}

TEST_CASE("what climbed has the layout of a fresh file") {
  temp_dir dir;
  make_version_1(dir / "old.db");
  open_and_climb(dir / "old.db");
  open_and_climb(dir / "fresh.db");
  CHECK(layout_of(dir / "old.db") == layout_of(dir / "fresh.db"));
  CHECK_FALSE(std::filesystem::exists(dir / "fresh.db.v1"));
}

TEST_CASE("without room for the copy the file stays as it is, and all goes on") {
  temp_dir dir;
  const auto path = dir / "duende.db";
  make_version_1(path);
  std::filesystem::create_directories(dir / "duende.db.v1/in the way");
  auto h = open_and_climb(path);
  CHECK(version_of(path) == "1\n");
  CHECK_THAT(events_of(*h).back().text, Contains("cannot keep a copy") && Contains("stays at version 1"));
  event_query query;
  query.kinds = bit_of(event_kind::andon);
  query.since = wall_time{};
  CHECK(events_of(*h, query).size() == 1);
  query.daemons = {"web"};
  CHECK(events_of(*h, query).empty());
  CHECK_FALSE(std::filesystem::exists(dir / "duende.db.v1.new"));
}

TEST_CASE("a newer file is refused with both versions, and the copy from before is named") {
  temp_dir dir;
  const auto path = dir / "duende.db";
  make_version_1(path);
  open_and_climb(path);
  connection{path}.exec("PRAGMA user_version = 9");
  auto opened = history::open(path);
  REQUIRE_FALSE(opened);
  CHECK(code_of(opened.error()) == errc::unsupported);
  CHECK_THAT(
    sentence(opened.error()),
    Contains("version 9") && Contains("up to 2") && Contains("duende.db.v1") && Contains("another state_dir"));
}

TEST_CASE("events are found by name, kind and time as if there were no index") {
  temp_dir dir;
  const auto path = dir / "duende.db";
  auto h = must_open(path);
  std::vector<event> all;
  auto at = wall_now() - 10h;
  for (int i = 0; i < 6000; ++i) {
    at += i == 3000 ? -2h : std::chrono::milliseconds{i % 7}; // the clock is set back once
    event e;
    e.at = at;
    e.kind = i % 1000 == 999 ? event_kind::andon : i % 3 == 0 ? event_kind::exit : event_kind::starting;
    e.daemon = i % 500 == 0 ? "rare" : i % 2 == 0 ? "a" : "b";
    e.text = std::to_string(i);
    all.push_back(e);
    h->record(e);
  }
  REQUIRE(h->flush(10s));
  CHECK(connection{path}.ask("SELECT count(*) FROM marks") == "5\n");
  for (std::vector<std::string> names : {std::vector<std::string>{}, {"rare"}, {"a", "rare"}, {"nobody"}})
    for (auto kinds : {0u, bit_of(event_kind::andon), bit_of(event_kind::exit) | bit_of(event_kind::andon)})
      for (int since : {-1, 0, 2900, 3100, 5999})
        for (std::size_t limit : {1u, 7u, 10'000u})
          for (std::int64_t after : {0, 4500}) {
            event_query query{after, {}, names, kinds, limit};
            if (since >= 0)
              query.since = all[static_cast<std::size_t>(since)].at;
            std::vector<std::int64_t> expected;
            for (std::size_t i = all.size(); i-- > 0 && expected.size() < limit;)
              if (
                selects(query, all[i]) && static_cast<std::int64_t>(i + 1) > after
                && (!query.since || all[i].at >= *query.since))
                expected.push_back(static_cast<std::int64_t>(i + 1));
            std::reverse(expected.begin(), expected.end());
            INFO(names.size() << " names, kinds " << kinds << ", since " << since << ", limit " << limit);
            CHECK(ids_of(events_of(*h, query)) == expected);
          }
}

TEST_CASE("marks of forgotten events go with them") {
  temp_dir dir;
  const auto path = dir / "duende.db";
  history_options options;
  options.max_events = 3000;
  {
    auto h = must_open(path, options);
    for (int i = 0; i < 20'000; ++i) {
      h->record(exit_of("db"));
      if (i % 1000 == 0)
        REQUIRE(h->flush(10s));
    }
    REQUIRE(h->flush(10s));
  }
  connection file{path};
  const auto oldest = std::stoll(file.ask("SELECT min(id) FROM events"));
  CHECK(std::stoll(file.ask("SELECT min(id) FROM marks")) >= oldest);
  CHECK(std::stoll(file.ask("SELECT count(*) FROM marks")) >= 2);
}
