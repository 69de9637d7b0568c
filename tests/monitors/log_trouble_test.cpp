// Disks that are full and folders that vanish: the writer waits, nothing is dropped, and it goes on by itself.
#include "monitors/logs/capture.hpp"
#include "tests/monitors/log_support.hpp"
#include "tests/support/catch.hpp"

#include <atomic>
#include <thread>

#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace duende;
using namespace log_test;

namespace {

/// Runs `fn` in a child with a tmpfs of `size` at `dir`. The answer is what it returned, or "skip" where this is not allowed.
template <class Fn>
std::string with_small_disk(const std::string& dir, const std::string& size, Fn fn) {
  test_pipe answer;
  auto pid = ::fork();
  if (pid == 0) {
    if (
      ::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0
      || ::mount("tmpfs", dir.c_str(), "tmpfs", 0, ("size=" + size).c_str()) != 0)
      answer.put("skip");
    else
      answer.put(fn());
    ::_exit(0);
  }
  answer.close_write();
  std::string text;
  char buffer[512];
  for (ssize_t n; (n = ::read(answer.ends[0], buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(n));
  ::waitpid(pid, nullptr, 0);
  return text;
}

} // namespace

TEST_CASE("a full disk holds the writer back until there is room", "[F104]") {
  auto stamped = GENERATE(false, true);
  temp_dir dir;
  auto answer = with_small_disk(dir.path(), "1m", [&]() -> std::string {
    std::ofstream{dir / "filler", std::ios::binary} << std::string(800 << 10, 'x');
    test_pipe pipe;
    std::atomic<int> errors = 0;
    std::promise<std::string> told;
    log_capture logs{{-1, -1, {}, [&](const std::string&, const std::string& text) {
                        if (errors++ == 0)
                          told.set_value(text);
                      }}};
    auto id = uuid::random();
    auto spec = raw_spec(100'000, 100);
    spec.timestamps = stamped;
    if (!logs.open(id, "db", spec, dir / "db"))
      return "not opened";
    logs.attach(id, log_stream::out, pipe.take_read());
    constexpr unsigned count = 5000;
    std::uint64_t bytes = 0;
    for (unsigned n = 0; n < count; ++n)
      bytes += numbered_line(n).size();
    std::thread writer{[&] {
      for (unsigned n = 0; n < count; ++n)
        pipe.put(numbered_line(n));
    }};
    auto sentence = told.get_future().get();
    std::filesystem::remove(dir / "filler");
    while (logs.totals(id).out.bytes < bytes)
      drain(logs, id);
    writer.join();
    if (sentence.find("No space left on device") == std::string::npos || sentence.find("db: cannot write '") != 0)
      return "unclear: " + sentence;
    if (errors != 1)
      return "told " + std::to_string(errors) + " times";
    return check_numbered(joined(dir / "db"), count, stamped);
  });
  if (answer == "skip")
    WARN("no private mounts here");
  else
    CHECK(answer == "");
}

TEST_CASE("what a full disk leaves in the stage outlives the node, and holds nobody else back", "[F104]") {
  temp_dir dir, elsewhere;
  auto answer = with_small_disk(dir.path(), "1m", [&]() -> std::string {
    test_pipe output, other, stage;
    ::fcntl(output.ends[0], F_SETPIPE_SZ, 1 << 20);
    auto id = uuid::random(), other_id = uuid::random();
    std::atomic<bool> failing = false;
    auto config = [&] {
      return log_capture::config{
        stage.read_copy(), stage.write_copy(), elsewhere / "journal", [&](const std::string&, const std::string&) {
          failing = true;
          failing.notify_all();
        }};
    };
    auto attach = [&](log_capture& logs) {
      auto spec = raw_spec();
      (void)logs.open(id, "db", spec, dir / "db");
      spec.timestamps = true;
      (void)logs.open(other_id, "web", spec, elsewhere / "web");
      logs.attach(id, log_stream::out, output.read_copy());
      logs.attach(other_id, log_stream::out, other.read_copy());
    };
    auto in_stage = [&] {
      int count = 0;
      ::ioctl(stage.ends[0], FIONREAD, &count);
      return count;
    };
    constexpr unsigned count = 5000;
    std::string lines;
    for (unsigned n = 1; n < count; ++n)
      lines += numbered_line(n);
    {
      log_capture logs{config()};
      attach(logs);
      output.put(numbered_line(0));
      drain(logs, id);
      std::ofstream{dir / "filler", std::ios::binary} << std::string(800 << 10, 'x');
      output.put(lines);
      failing.wait(false);
      if (in_stage() == 0)
        return "nothing was left in the stage";
      other.put("one\n");
      drain(logs, other_id);
    }
    log_capture logs{config()};
    attach(logs);
    other.put("two\n");
    drain(logs, other_id);
    auto text = joined(elsewhere / "web");
    if (text.size() != 2 * (stamp_size + 4) || in_stage() == 0)
      return "held back: " + text;
    std::filesystem::remove(dir / "filler");
    drain(logs, id);
    return in_stage() != 0 ? "still in the stage" : check_numbered(joined(dir / "db"), count, false);
  });
  if (answer == "skip")
    WARN("no private mounts here");
  else
    CHECK(answer == "");
}

TEST_CASE("a folder that vanishes is made again, or waited for", "[F104]") {
  temp_dir dir;
  test_pipe pipe;
  std::atomic<int> errors = 0;
  std::promise<void> told;
  log_capture logs{{-1, -1, {}, [&](const std::string&, const std::string&) {
                      if (errors++ == 0)
                        told.set_value();
                    }}};
  auto id = uuid::random();
  REQUIRE(logs.open(id, "db", raw_spec(), dir / "a/b/db"));
  logs.attach(id, log_stream::out, pipe.take_read());
  pipe.put("one\n");
  drain(logs, id);
  std::filesystem::remove_all(dir / "a");
  pipe.put("two\n");
  drain(logs, id);
  CHECK(joined(dir / "a/b/db") == "two\n");
  std::filesystem::remove_all(dir / "a");
  std::ofstream{dir / "a"} << "in the way";
  pipe.put("three\n");
  told.get_future().wait();
  std::filesystem::remove(dir / "a");
  drain(logs, id);
  CHECK(joined(dir / "a/b/db") == "three\n");
  CHECK(errors == 1);
}
