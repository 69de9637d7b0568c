// Ends without warning: what is on disk by then, and how the ids go on.
#include "tests/monitors/history_support.hpp"

#include <csignal>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace duende;
using namespace duende::test;
using namespace std::chrono_literals;

TEST_CASE("what was put is durable before done is called, even if the process dies then") {
  temp_dir dir;
  const auto id = uuid::random();
  const pid_t pid = fork();
  if (pid == 0) {
    auto h = history::open(dir / "duende.db");
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
  const auto state = must_open(dir / "duende.db")->load();
  CHECK_FALSE(state.clean);
  CHECK(state.stack == "the stack");
  REQUIRE(state.children.size() == 1);
  CHECK(state.children[0].desired == desired_state::down);
}

namespace {

/// Lives in a process of its own until killed: records ten events, and says which id it was shown last.
std::int64_t shown_before_kill(const std::string& path) {
  int out[2];
  REQUIRE(pipe(out) == 0);
  const pid_t pid = fork();
  if (pid == 0) {
    history_options options;
    options.linger = 1h; // nothing is committed of its own accord
    auto h = history::open(path, options);
    if (!h)
      _exit(1);
    for (int i = 0; i < 5; ++i)
      (*h)->record(exit_of("db"));
    (void)(*h)->flush(100ms);
    for (int i = 0; i < 5; ++i)
      (*h)->record(exit_of("db"));
    std::int64_t last = (*h)->events({})->back().id;
    for (int i = 0; i < 5; ++i)
      (*h)->record(exit_of("nobody saw this"));
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
  return last;
}

} // namespace

TEST_CASE("ids go on without a gap after SIGKILL") {
  temp_dir dir;
  for (std::int64_t life = 1; life <= 3; ++life)
    CHECK(shown_before_kill(dir / "duende.db") == 10 * life);
  auto h = must_open(dir / "duende.db");
  CHECK(h->record(exit_of("db")) == 31);
  const auto found = events_of(*h, {.limit = 100000});
  REQUIRE(found.size() == 31);
  for (std::size_t i = 0; i < found.size(); ++i) {
    CHECK(found[i].id == static_cast<std::int64_t>(i) + 1);
    CHECK(found[i].kind == event_kind::exit);
  }
}

TEST_CASE("what was shown while the disk refused is not given again after SIGKILL, and the gap is told") {
  temp_dir dir;
  must_open(dir / "duende.db")->record(exit_of("first"));
  sqlite3* other = nullptr;
  REQUIRE(sqlite3_open((dir / "duende.db").c_str(), &other) == SQLITE_OK);
  REQUIRE(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
  const auto seen = shown_before_kill(dir / "duende.db");
  sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr);
  sqlite3_close(other);
  CHECK(seen == 11); // in spite of the disk
  {
    auto h = must_open(dir / "duende.db");
    const auto next = h->record(exit_of("db"));
    CHECK(next > seen);
    const auto found = events_of(*h);
    REQUIRE(found.size() == 3);
    CHECK(found[1].kind == event_kind::limit);
    CHECK(found[1].text.find("event ids 2 to " + std::to_string(found[1].id - 1) + " are left out") == 0);
    CHECK(found[1].id > seen);
  }
  auto h = must_open(dir / "duende.db");
  h->record(exit_of("db"));
  CHECK(events_of(*h).size() == 4); // told once
}
