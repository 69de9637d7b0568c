// Real files, real inotify: what counts as a change, what does not, and limits.
#include "core/errc.hpp"
#include "monitors/files/file_watch.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>

using namespace duende;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

void put_file(const std::string& path, const std::string& text) { std::ofstream{path} << text; }

struct watching {
  std::mutex mutex;
  std::condition_variable heard;
  std::vector<std::string> changes, troubles;
  std::string dir;
  std::unique_ptr<file_watch> files;
  std::shared_ptr<void> token;

  watching(std::string where, watch_spec spec, std::string never = {}) : dir(std::move(where)) {
    files = std::make_unique<file_watch>(std::move(never));
    for (auto& path : spec.paths)
      path = dir + "/" + path;
    spec.debounce = 30ms;
    auto begun = files->watch(
      spec, dir,
      {[this](std::string text) { add(changes, std::move(text)); },
       [this](std::string text) { add(troubles, std::move(text)); }});
    REQUIRE(begun);
    token = *begun;
    settle();
  }
  ~watching() {
    token.reset();
    files.reset();
  }

  void add(std::vector<std::string>& to, std::string text) {
    std::lock_guard lock{mutex};
    to.push_back(std::move(text));
    heard.notify_all();
  }
  /// The next change; "" where none comes in time.
  std::string next(duration patience = 10s) {
    std::unique_lock lock{mutex};
    if (!heard.wait_for(lock, patience, [&] { return !changes.empty(); }))
      return {};
    auto text = changes.front();
    changes.erase(changes.begin());
    return text;
  }
  /// Until a change in a folder of its own is told by another watcher: the thread has done all before it.
  void settle() {
    auto probe = dir + "/../probe-" + fs::path{dir}.filename().string();
    fs::create_directory(probe);
    std::mutex m;
    std::condition_variable c;
    bool told = false;
    auto begun = files->watch(
      {.paths = {probe}, .debounce = 1ms}, "/",
      {[&](const std::string&) {
         std::lock_guard lock{m};
         told = true;
         c.notify_all();
       },
       [](const std::string&) {}});
    REQUIRE(begun);
    std::unique_lock lock{m};
    for (int i = 0; i < 1000 && !told; ++i) {
      lock.unlock();
      put_file(probe + "/x", std::to_string(i));
      lock.lock();
      c.wait_for(lock, 10ms, [&] { return told; });
    }
    lock.unlock();
    begun->reset();
    fs::remove_all(probe);
  }
};

} // namespace

TEST_CASE("a changed file is told by name, many as one", "[watch]") {
  test::temp_dir dir;
  fs::create_directories(dir.path() + "/build/deep/er");
  watching w{dir.path(), {.paths = {"build"}}};
  put_file(dir.path() + "/build/app.js", "1");
  CHECK(w.next() == "build/app.js");
  for (int i = 0; i < 100; ++i)
    put_file(dir.path() + "/build/deep/er/" + std::to_string(i), "x");
  auto told = w.next();
  CHECK(told.find("build/deep/er/") == 0);
  int count = 1; // one, if the machine lets us write without a pause
  while (!w.next(500ms).empty())
    ++count;
  CHECK(count < 20);
  fs::remove(dir.path() + "/build/app.js");
  CHECK(w.next() == "build/app.js");
  CHECK(w.next(100ms).empty());
}

TEST_CASE("folders that come are watched, those that go are not", "[watch]") {
  test::temp_dir dir;
  fs::create_directory(dir.path() + "/build");
  watching w{dir.path(), {.paths = {"build"}}};
  fs::create_directories(dir.path() + "/build/a/b/c");
  CHECK(w.next().find("build/a") == 0); // with what came below it, where that was seen at once
  put_file(dir.path() + "/build/a/b/c/x", "1");
  CHECK(w.next() == "build/a/b/c/x");
  fs::rename(dir.path() + "/build/a", dir.path() + "/gone");
  CHECK(w.next() == "build/a");
  put_file(dir.path() + "/gone/b/c/x", "2");
  CHECK(w.next(150ms).empty());
  fs::remove_all(dir.path() + "/build"); // as a build does it
  fs::create_directories(dir.path() + "/build/new");
  CHECK_FALSE(w.next().empty());
  w.settle();
  w.next(100ms);
  put_file(dir.path() + "/build/new/y", "1");
  CHECK(w.next() == "build/new/y");
}

TEST_CASE("a file that editors replace stays watched, its neighbours do not matter", "[watch]") {
  test::temp_dir dir;
  put_file(dir.path() + "/app.conf", "1");
  watching w{dir.path(), {.paths = {"app.conf"}}};
  for (int i = 0; i < 3; ++i) {
    put_file(dir.path() + "/app.conf.new", "2");
    fs::rename(dir.path() + "/app.conf.new", dir.path() + "/app.conf");
    CHECK(w.next() == "app.conf");
  }
  fs::remove(dir.path() + "/app.conf");
  CHECK(w.next() == "app.conf");
  put_file(dir.path() + "/app.conf", "3");
  CHECK(w.next() == "app.conf");
  put_file(dir.path() + "/other", "1");
  CHECK(w.next(150ms).empty());
}

TEST_CASE("what is ignored changes nothing, below it neither", "[watch]") {
  test::temp_dir dir;
  fs::create_directories(dir.path() + "/src/.git/objects");
  fs::create_directories(dir.path() + "/src/out/tmp");
  watching w{dir.path(), {.paths = {"src"}, .ignore = {".git", "*.swp", "*~", "out/tmp"}}, dir.path() + "/src/state"};
  for (auto* name : {"/src/.git/index", "/src/.git/objects/1", "/src/.a.swp", "/src/a~", "/src/out/tmp/x"})
    put_file(dir.path() + name, "1");
  fs::create_directory(dir.path() + "/src/state"); // the node's own
  put_file(dir.path() + "/src/state/duende.db", "1");
  CHECK(w.next(200ms).empty());
  put_file(dir.path() + "/src/out/y", "1");
  CHECK(w.next() == "src/out/y");
}

TEST_CASE("not recursive: the folder alone", "[watch]") {
  test::temp_dir dir;
  fs::create_directories(dir.path() + "/src/below");
  watching w{dir.path(), {.paths = {"src"}, .recursive = false}};
  put_file(dir.path() + "/src/below/x", "1");
  CHECK(w.next(150ms).empty());
  put_file(dir.path() + "/src/x", "1");
  CHECK(w.next() == "src/x");
}

TEST_CASE("a path that is not there is an error with its name", "[watch]") {
  file_watch files;
  auto begun = files.watch({.paths = {"/nonexistent/build"}}, "/", {});
  REQUIRE_FALSE(begun);
  CHECK(sentence(begun.error()) == "cannot watch '/nonexistent/build': No such file or directory");
}

TEST_CASE("more happens than the kernel remembers: it is told, and folders that came unseen are watched", "[watch]") {
  test::temp_dir dir;
  fs::create_directories(dir.path() + "/busy");
  fs::create_directories(dir.path() + "/src");
  watching w{dir.path(), {.paths = {"src"}}};
  std::mutex mutex;
  std::condition_variable moved;
  bool held = false, released = false;
  auto begun = w.files->watch(
    {.paths = {dir.path() + "/busy"}, .debounce = 1ms}, "/",
    {[&](const std::string&) { // the thread reads nothing meanwhile
       std::unique_lock lock{mutex};
       held = true;
       moved.notify_all();
       moved.wait_for(lock, 60s, [&] { return released; });
     },
     [](const std::string&) {}});
  REQUIRE(begun);
  {
    std::unique_lock lock{mutex};
    for (int i = 0; i < 1000 && !held; ++i) {
      lock.unlock();
      put_file(dir.path() + "/busy/x", std::to_string(i));
      lock.lock();
      moved.wait_for(lock, 10ms, [&] { return held; });
    }
    REQUIRE(held);
  }
  std::size_t most = 0;
  std::ifstream{"/proc/sys/fs/inotify/max_queued_events"} >> most;
  REQUIRE(most > 0);
  for (std::size_t i = 0; i < most + 100; ++i) // the same thing twice in a row would be one
    std::ofstream{dir.path() + (i % 2 == 0 ? "/src/a" : "/src/b"), std::ios::app};
  fs::create_directories(dir.path() + "/src/late/deep");
  {
    std::lock_guard lock{mutex};
    released = true;
    moved.notify_all();
  }
  CHECK(w.next().find("src") == 0);
  w.settle();
  while (!w.next(200ms).empty())
    continue;
  put_file(dir.path() + "/src/late/deep/file", "x");
  CHECK(w.next().find("src/late/deep") == 0);
  CHECK(w.troubles.empty());
}

TEST_CASE("the limit of watches is told once, with the sysctl to raise", "[watch]") {
  test::temp_dir dir;
  for (int i = 0; i < 50; ++i)
    fs::create_directories(dir.path() + "/src/" + std::to_string(i));
  auto child = fork(); // in a user namespace the limit is ours to set
  if (child == 0) {
    if (unshare(CLONE_NEWUSER) != 0)
      _exit(77);
    std::ofstream limit{"/proc/sys/user/max_inotify_watches"};
    limit << "10" << std::flush;
    if (!limit)
      _exit(77);
    std::mutex mutex;
    std::condition_variable heard;
    std::vector<std::string> troubles;
    file_watch files;
    auto begun = files.watch(
      {.paths = {dir.path() + "/src"}}, dir.path(),
      {[](std::string) {},
       [&](std::string text) {
         std::lock_guard lock{mutex};
         troubles.push_back(std::move(text));
         heard.notify_all();
       }});
    std::unique_lock lock{mutex};
    heard.wait_for(lock, 10s, [&] { return !troubles.empty(); });
    heard.wait_for(lock, 200ms, [&] { return troubles.size() > 1; });
    bool good = begun && troubles.size() == 1 && troubles[0].find("fs.inotify.max_user_watches") != std::string::npos;
    _exit(good ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
    WARN("not decided: this machine does not let a user namespace set its limit");
  else
    CHECK(status == 0);
}
