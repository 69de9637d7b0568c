// A disk that refuses, for real: a small tmpfs, filled; and a file that another process holds.
#include "monitors/history/jobs.hpp"
#include "monitors/history/store.hpp"
#include "tests/monitors/history_support.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/waiting.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <thread>

using namespace duende;
using namespace std::chrono_literals;

namespace {

/// A tmpfs of 1 MiB in a mount namespace of this thread and those it starts.
class small_disk {
public:
  small_disk() {
    char name[] = "/tmp/duende-full-XXXXXX";
    path = mkdtemp(name);
    mounted_ = unshare(CLONE_NEWNS) == 0 && mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0
               && mount("tmpfs", path.c_str(), "tmpfs", 0, "size=1m") == 0;
    if (!mounted_)
      why = std::strerror(errno);
  }
  ~small_disk() {
    if (mounted_)
      umount2(path.c_str(), MNT_DETACH);
    std::filesystem::remove(path);
  }
  explicit operator bool() const { return mounted_; }

  /// Takes all room there is.
  void fill() {
    const int fd = open((path + "/ballast").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    const std::string piece(4096, 'x');
    while (write(fd, piece.data(), piece.size()) > 0) {
    }
    close(fd);
  }
  void empty() { std::filesystem::remove(path + "/ballast"); }

  std::string path, why;

private:
  bool mounted_ = false;
};

struct complaints {
  std::mutex mutex;
  std::vector<std::string> texts;

  std::function<void(std::string)> handler() {
    return [this](std::string text) {
      std::lock_guard lock{mutex};
      texts.push_back(std::move(text));
    };
  }
  std::vector<std::string> all() {
    std::lock_guard lock{mutex};
    return texts;
  }
};

/// Runs `body` on a thread of its own, whose mounts go with it.
template <class F>
void on_small_disk(F body) {
  std::string skipped;
  std::thread{[&] {
    small_disk disk;
    if (disk)
      body(disk);
    else
      skipped = disk.why;
  }}.join();
  if (!skipped.empty())
    WARN("skipped: cannot mount a tmpfs: " << skipped);
}

} // namespace

TEST_CASE("a full disk is told once, loses nothing, and is written when there is room again", "[F104]") {
  std::vector<std::string> told_when_full, told_in_all;
  std::vector<event> shown_when_full, kept;
  caf::error desired_error;
  bool flushed_when_full = true, flushed_after = false, ran = false, answered = false;
  loaded_state after;
  const auto id = uuid::random();
  on_small_disk([&](small_disk& disk) {
    ran = true;
    complaints heard;
    {
      history_options options;
      options.on_trouble = heard.handler();
      auto h = std::move(*history::open(disk.path + "/duende.db", options));
      h->put_desired(id, "db", desired_state::up);
      h->record(test::about_db("before"));
      (void)h->flush(10s);
      disk.fill();
      for (int i = 0; i < 300; ++i)
        h->record(test::about_db(std::string(5000, 'e')));
      h->put_child({id, "db", "root", daemon_state::failed, 7, {}, {}, {}, {}, {}});
      flushed_when_full = static_cast<bool>(h->flush(10s));
      eventually([&] { return !heard.all().empty(); });
      told_when_full = heard.all();
      shown_when_full = *h->events({});
      waiting_for<caf::error> answer;
      h->put_stack(std::string(2 << 20, 's'), [&](caf::error e) { answer.set(std::move(e)); });
      if (auto got = answer.get()) {
        answered = true;
        desired_error = *got;
      }
      h->put_desired(id, "db", desired_state::down); // nobody waits for these two, so nobody would try them again
      h->put_stack_later([] { return std::string{"the stack"}; });
      (void)h->flush(1s);
      disk.empty();
      mount("tmpfs", disk.path.c_str(), "tmpfs", MS_REMOUNT, "size=64m");
      flushed_after = eventually([&] { return static_cast<bool>(h->flush(1s)); });
      eventually([&] { return heard.all().size() >= 2; });
      told_in_all = heard.all();
      kept = *h->events({});
    }
    after = std::move(*history::open(disk.path + "/duende.db"))->load();
  });
  if (!ran)
    return;
  CHECK_FALSE(flushed_when_full);
  REQUIRE(told_when_full.size() == 1);
  CHECK_THAT(told_when_full[0], Contains("duende.db") && Contains("full"));
  CHECK(shown_when_full.size() == 301);
  REQUIRE(answered);
  CHECK(code_of(desired_error) == errc::io_failure);
  CHECK(flushed_after);
  REQUIRE(told_in_all.size() == 2);
  CHECK_THAT(told_in_all[1], Contains("written again"));
  REQUIRE(kept.size() == 301);
  for (std::size_t i = 0; i < kept.size(); ++i)
    REQUIRE(kept[i].id == static_cast<std::int64_t>(i) + 1);
  CHECK(after.clean);
  CHECK(after.stack == "the stack"); // not the one whose caller was told that it could not be written
  REQUIRE(after.children.size() == 1);
  CHECK(after.children[0].incarnation == 7);
  CHECK(after.children[0].desired == desired_state::down);
}

TEST_CASE("a follower goes on while the disk is full", "[F104]") {
  std::atomic<int> seen = 0;
  bool all = false, ran = false;
  on_small_disk([&](small_disk& disk) {
    ran = true;
    auto h = std::move(*history::open(disk.path + "/duende.db"));
    (void)h->flush(10s);
    disk.fill();
    auto token = h->follow(0, [&](const auto& batch) {
      seen += static_cast<int>(batch.size());
      return true;
    });
    for (int i = 0; i < 200; ++i)
      h->record(test::about_db(std::string(5000, 'e')));
    all = eventually([&] { return seen == 200; });
  });
  if (ran)
    CHECK(all);
}

TEST_CASE("past the limit of the queue events are dropped, and one event says which", "[F104]") {
  std::vector<event> kept;
  std::int64_t last = 0;
  bool ran = false, flushed = false;
  on_small_disk([&](small_disk& disk) {
    ran = true;
    history_options options;
    options.max_queued = 100;
    auto h = std::move(*history::open(disk.path + "/duende.db", options));
    (void)h->flush(10s);
    disk.fill();
    for (int i = 0; i < 90; ++i)
      h->record(test::about_db(std::string(5000, 'e')));
    (void)h->flush(5s);
    for (int i = 0; i < 1010; ++i)
      h->record(test::about_db("later"));
    disk.empty();
    flushed = eventually([&] { return static_cast<bool>(h->flush(1s)); });
    last = h->record(test::about_db("last"));
    flushed = flushed && h->flush(10s);
    kept = *h->events({});
  });
  if (!ran)
    return;
  REQUIRE(flushed);
  REQUIRE(kept.size() == 102);
  CHECK(kept[99].id == 100);
  CHECK(kept[100].kind == event_kind::limit);
  CHECK_THAT(kept[100].text, Contains("1000 events were dropped, ids 101 to 1100"));
  CHECK(kept[100].id == 1101);
  CHECK(kept[101].id == last);
  CHECK(last == 1102);
}

TEST_CASE("a file held by another program delays the writing, and nothing else") {
  char name[] = "/tmp/duende-held-XXXXXX";
  const std::string dir = mkdtemp(name);
  {
    auto h = std::move(*history::open(dir + "/duende.db"));
    sqlite3* other = nullptr;
    REQUIRE(sqlite3_open((dir + "/duende.db").c_str(), &other) == SQLITE_OK);
    sqlite3_busy_timeout(other, 10'000); // the history marks the file as open, beside us
    REQUIRE(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
    const auto before = std::chrono::steady_clock::now();
    for (int i = 0; i < 1000; ++i)
      h->record(test::about_db("x"));
    CHECK(std::chrono::steady_clock::now() - before < 1s);
    CHECK(h->events({})->size() == 1000);
    CHECK_FALSE(h->flush(50ms));
    sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr);
    sqlite3_close(other);
    CHECK(h->flush(20s));
  }
  std::filesystem::remove_all(dir);
}

TEST_CASE("what the disk refused is tried again, but for what is newer or was answered", "[F104]") {
  using kind = history_job::kind;
  const auto a = uuid::random(), b = uuid::random(), c = uuid::random();
  const history::done_handler awaited = [](caf::error) {};
  auto again = to_try_again(
    {{kind::stack, {}, "old", {}, {}},
     {kind::desired, a, "old", desired_state::up, {}},
     {kind::desired, b, "only", desired_state::up, {}},
     {kind::desired, c, "removed", desired_state::up, {}},
     {kind::desired, b, "told", desired_state::up, awaited},
     {kind::remove, uuid::random(), "gone", {}, {}}},
    {{kind::stack, {}, "new", {}, {}},
     {kind::remove, c, "late", {}, {}},
     {kind::desired, a, "new", desired_state::down, {}},
     {kind::stack, {}, "awaited", {}, awaited}});
  std::string order;
  for (auto& job : again)
    order += job.text + " ";
  CHECK(order == "only gone new late new awaited ");
}
