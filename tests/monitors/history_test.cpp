#include "monitors/history/store.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/waiting.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

using namespace duende;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

struct folder {
  folder() {
    char name[] = "/tmp/duende-history-XXXXXX";
    path = mkdtemp(name);
  }
  ~folder() { fs::remove_all(path); }
  std::string db() const { return path + "/duende.db"; }
  std::string path;
};

event of(std::string daemon, std::string text = "something") {
  event e;
  e.kind = event_kind::exit;
  e.daemon = std::move(daemon);
  e.supervisor = "shop";
  e.incarnation = 3;
  e.cause = exit_cause::signal;
  e.text = std::move(text);
  return e;
}

std::unique_ptr<history> must_open(const std::string& path, history_options options = {}) {
  auto opened = history::open(path, std::move(options));
  INFO((opened ? std::string{} : sentence(opened.error())));
  REQUIRE(opened);
  return std::move(*opened);
}

std::vector<event> all_of(history& h, event_query query = {}) {
  auto found = h.events(query);
  REQUIRE(found);
  return *found;
}

std::vector<std::int64_t> ids_of(const std::vector<event>& events) {
  std::vector<std::int64_t> ids;
  for (const auto& e : events)
    ids.push_back(e.id);
  return ids;
}

void exec(const std::string& path, const char* sql) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
  REQUIRE(sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(db);
}

std::string bytes_of(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

} // namespace

TEST_CASE("events come back as they were recorded, from file and memory alike") {
  folder dir;
  for (const auto& path : {dir.db(), std::string{}}) {
    history_options options;
    options.node = "web-1";
    auto h = must_open(path, options);
    CHECK(h->record(of("db", "db: killed by SIGSEGV")) == 1);
    CHECK(h->record(of("", std::string("odd \0 \xff text", 12))) == 2);
    for (bool flushed : {false, true}) {
      if (flushed)
        REQUIRE(h->flush(10s));
      const auto found = all_of(*h);
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
  folder dir;
  for (const auto& path : {dir.db(), std::string{}}) {
    auto h = must_open(path);
    const wall_time start{1000000s};
    for (int i = 1; i <= 100; ++i) {
      auto e = of(i % 2 ? "odd" : "even");
      e.at = start + i * 1s;
      h->record(std::move(e));
      if (i == 60)
        REQUIRE(h->flush(10s));
    }
    CHECK(all_of(*h).size() == 100);
    CHECK(ids_of(all_of(*h, {97, {}, "", 1000})) == std::vector<std::int64_t>{98, 99, 100});
    CHECK(ids_of(all_of(*h, {0, {}, "", 2})) == std::vector<std::int64_t>{99, 100});
    CHECK(ids_of(all_of(*h, {94, {}, "odd", 1000})) == std::vector<std::int64_t>{95, 97, 99});
    CHECK(ids_of(all_of(*h, {0, start + 98s, "even", 1000})) == std::vector<std::int64_t>{98, 100});
    CHECK(all_of(*h, {0, start + 51s, "", 1000}).size() == 50);
    CHECK(ids_of(all_of(*h, {0, {}, "odd", 22})).front() == 57);
    CHECK(all_of(*h, {0, {}, "none", 1000}).empty());
    CHECK(all_of(*h, {0, {}, "", 0}).empty());
  }
}

TEST_CASE("children, desired state and the stack survive a close") {
  folder dir;
  const auto db = uuid::random(), web = uuid::random(), gone = uuid::random(), fresh = uuid::random();
  {
    auto h = must_open(dir.db());
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
    h->record(of("db"));
  }
  auto h = must_open(dir.db());
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
  CHECK(h->record(of("db")) == 2);
}

TEST_CASE("what was put is durable before done is called, even if the process dies then") {
  folder dir;
  const auto id = uuid::random();
  const pid_t pid = fork();
  if (pid == 0) {
    auto h = history::open(dir.db());
    if (!h)
      _exit(1);
    (*h)->put_stack("the stack");
    (*h)->put_desired(id, "db", desired_state::down, [](caf::error e) {
      if (!e)
        kill(getpid(), SIGKILL);
    });
    pause();
  }
  int status = 0;
  waitpid(pid, &status, 0);
  REQUIRE(WIFSIGNALED(status));
  const auto state = must_open(dir.db())->load();
  CHECK_FALSE(state.clean);
  CHECK(state.stack == "the stack");
  REQUIRE(state.children.size() == 1);
  CHECK(state.children[0].desired == desired_state::down);
}

TEST_CASE("ids that were shown are not given again after SIGKILL, and the gap is told") {
  folder dir;
  std::int64_t seen = 0;
  for (int life = 0; life < 3; ++life) {
    int out[2];
    REQUIRE(pipe(out) == 0);
    const pid_t pid = fork();
    if (pid == 0) {
      history_options options;
      options.linger = 1h; // nothing is committed of its own accord
      auto h = history::open(dir.db(), options);
      if (!h)
        _exit(1);
      std::int64_t last = 0;
      for (int i = 0; i < 10; ++i)
        last = (*h)->record(of("db"));
      if (!(*h)->flush(10s))
        _exit(1);
      for (int i = 0; i < 5; ++i)
        last = (*h)->record(of("db"));
      auto shown = (*h)->events({});
      last = shown->back().id;
      if (write(out[1], &last, sizeof last) == sizeof last)
        pause();
      _exit(1);
    }
    std::int64_t last = 0;
    REQUIRE(read(out[0], &last, sizeof last) == sizeof last);
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    close(out[0]);
    close(out[1]);
    CHECK(last > seen);
    seen = last;
  }
  auto h = must_open(dir.db());
  const auto next = h->record(of("db"));
  CHECK(next > seen);
  REQUIRE(h->flush(10s));
  const auto found = all_of(*h, {0, {}, "", 100000});
  std::int64_t before = 0;
  for (const auto& e : found) {
    if (e.id != before + 1) {
      CHECK(e.kind == event_kind::limit);
      const auto told = "event ids " + std::to_string(before + 1) + " to " + std::to_string(e.id - 1) + " are left out";
      CHECK(e.text.find(told) == 0);
    }
    before = e.id;
  }
}

TEST_CASE("the file is private, and an open one is made so") {
  folder dir;
  must_open(dir.db());
  struct stat info {};
  REQUIRE(stat(dir.db().c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  chmod(dir.db().c_str(), 0644);
  auto h = must_open(dir.db());
  h->record(of("db"));
  REQUIRE(h->flush(10s));
  for (auto suffix : {"", "-wal", "-shm"}) {
    REQUIRE(stat((dir.db() + suffix).c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
  }
}

TEST_CASE("a newer database is refused and not touched") {
  folder dir;
  must_open(dir.db())->record(of("db"));
  exec(dir.db(), "PRAGMA user_version = 7");
  const auto before = bytes_of(dir.db());
  const auto opened = history::open(dir.db());
  REQUIRE_FALSE(opened);
  CHECK(code_of(opened.error()) == errc::unsupported);
  CHECK_THAT(sentence(opened.error()), Contains("version 7") && Contains("up to 1") && Contains(dir.db()));
  CHECK(bytes_of(dir.db()) == before);
  CHECK(std::distance(fs::directory_iterator{dir.path}, {}) == 1);
}

TEST_CASE("another program's database is refused") {
  folder dir;
  exec(dir.db(), "CREATE TABLE theirs(x)");
  const auto before = bytes_of(dir.db());
  const auto opened = history::open(dir.db());
  REQUIRE_FALSE(opened);
  CHECK(code_of(opened.error()) == errc::unsupported);
  CHECK(bytes_of(dir.db()) == before);
}

TEST_CASE("a damaged database is set aside with its name told, and a fresh one begun") {
  const std::vector<std::pair<std::string, std::function<void(const std::string&)>>> damages = {
    {"garbage", [](const std::string& path) { std::ofstream{path} << std::string(100000, 'x'); }},
    {"cut short", [](const std::string& path) { fs::resize_file(path, fs::file_size(path) / 2); }},
    {"overwritten in the middle",
     [](const std::string& path) {
       std::fstream file{path, std::ios::in | std::ios::out | std::ios::binary};
       file.seekp(4096);
       file << std::string(3 * 4096, '\x5a');
     }},
    {"a missing table", [](const std::string& path) { exec(path, "DROP TABLE children"); }},
  };
  for (const auto& [name, damage] : damages) {
    INFO(name);
    folder dir;
    {
      auto h = must_open(dir.db());
      for (int i = 0; i < 500; ++i)
        h->record(of("db"));
      h->put_child({uuid::random(), "db", "root", {}, {}, {}, {}, {}, {}, {}});
    }
    damage(dir.db());
    const auto damaged = bytes_of(dir.db());
    std::string told;
    history_options options;
    options.on_trouble = [&](std::string text) { told = text; };
    auto h = must_open(dir.db(), options);
    std::string kept;
    for (const auto& entry : fs::directory_iterator{dir.path})
      if (entry.path().string().find(".corrupt-") != std::string::npos && entry.path().extension() != ".db")
        if (kept.empty() || entry.path().string().size() < kept.size())
          kept = entry.path();
    REQUIRE(!kept.empty());
    CHECK_THAT(told, Contains(kept) && Contains(dir.db()));
    CHECK(bytes_of(kept) == damaged);
    CHECK(h->load().children.empty());
    h->record(of("web"));
    REQUIRE(h->flush(10s));
    CHECK(all_of(*h).back().daemon == "web");
  }
}

TEST_CASE("a place that can't be written is an error with its name") {
  folder dir;
  const auto opened = history::open(dir.path + "/missing/duende.db");
  REQUIRE_FALSE(opened);
  CHECK(code_of(opened.error()) == errc::io_failure);
  CHECK_THAT(sentence(opened.error()), Contains("missing/duende.db") && Contains("No such file"));
  fs::create_symlink(dir.path + "/b", dir.path + "/a");
  fs::create_symlink(dir.path + "/a", dir.path + "/b");
  CHECK_THAT(sentence(history::open(dir.path + "/a").error()), Contains("symbolic links"));
  CHECK_FALSE(history::open(dir.path));
}

TEST_CASE("old events go, the newest stay") {
  folder dir;
  history_options options;
  options.max_events = 100;
  auto h = must_open(dir.db(), options);
  for (int i = 0; i < 5000; ++i)
    h->record(of("db"));
  REQUIRE(h->flush(10s));
  h->record(of("db"));
  REQUIRE(eventually([&] {
    h->record(of("db"));
    return h->flush(10s) && all_of(*h, {0, {}, "", 100000}).size() <= 120;
  }));
  const auto kept = all_of(*h, {0, {}, "", 100000});
  CHECK(kept.size() >= 100);
  CHECK(kept.back().id == h->last_id());
  CHECK(kept.front().id == h->last_id() - static_cast<std::int64_t>(kept.size()) + 1);
}

TEST_CASE("events past their age go") {
  folder dir;
  history_options options;
  options.max_age = 1h;
  auto h = must_open(dir.db(), options);
  auto old = of("db");
  old.at = wall_now() - 2h;
  h->record(old);
  h->record(of("db"));
  REQUIRE(h->flush(10s));
  h->record(of("db"));
  REQUIRE(eventually([&] { return h->flush(10s) && ids_of(all_of(*h)) == std::vector<std::int64_t>{2, 3}; }));
}

TEST_CASE("memory alone keeps the last events in a ring") {
  history_options options;
  options.max_ring = 1000;
  auto h = must_open("", options);
  for (int i = 0; i < 2500; ++i)
    h->record(of("db"));
  const auto kept = all_of(*h, {0, {}, "", 100000});
  REQUIRE(kept.size() == 1000);
  CHECK(kept.front().id == 1501);
  CHECK(kept.back().id == 2500);
  bool done = false;
  h->put_desired(uuid::random(), "db", desired_state::up, [&](caf::error e) { done = !e; });
  CHECK(done);
  CHECK(h->flush(0s));
  CHECK(h->load().children.empty());
}
