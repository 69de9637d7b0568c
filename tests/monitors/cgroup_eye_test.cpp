// Real cgroups, v1 and v2, wherever this machine lets us make them.
#include "monitors/observer/process_eye.hpp"

#include "monitors/usage/proc_text.hpp"
#include "tests/monitors/observer_support.hpp"

#include <sys/stat.h>

#include <cstdlib>

using namespace duende;
using namespace duende::test;

namespace {

/// A cgroup of one hierarchy, for as long as this lives; empty where it can't be made.
class test_cgroup {
public:
  explicit test_cgroup(const std::string& mount) {
    const auto wanted = mount + "/duende-test-" + std::to_string(getpid());
    if (std::ifstream{mount + "/cgroup.procs"} && mkdir(wanted.c_str(), 0755) == 0)
      path_ = wanted;
  }
  ~test_cgroup() { remove(); }
  test_cgroup(const test_cgroup&) = delete;
  test_cgroup& operator=(const test_cgroup&) = delete;

  explicit operator bool() const { return !path_.empty(); }
  bool enter(pid_t pid) const { return write_pid(path_, pid); }
  /// Somebody else takes it away: what is in it goes to the root.
  void remove(pid_t out = 0) {
    if (path_.empty())
      return;
    if (out != 0)
      write_pid(path_.substr(0, path_.rfind('/')), out);
    CHECK(rmdir(path_.c_str()) == 0);
    path_.clear();
  }
  std::uint64_t figure(const std::string& name) const {
    std::uint64_t value = 0;
    std::ifstream{path_ + "/" + name} >> value;
    return value;
  }

private:
  static bool write_pid(const std::string& path, pid_t pid) {
    std::ofstream file{path + "/cgroup.procs"};
    file << pid << std::flush;
    return static_cast<bool>(file);
  }
  std::string path_;
};

} // namespace

TEST_CASE("a process in the node's own cgroup has no figures of a cgroup") {
  watched_child c;
  auto eye = process_eye::open(c.pid(), clock_ticks_now(), true);
  process_sample sample;
  REQUIRE(eye.look(sample));
  CHECK_FALSE(sample.in_cgroup);
}

TEST_CASE("figures of a cgroup v1 are its own") {
  test_cgroup memory{"/sys/fs/cgroup/memory"}, cpu{"/sys/fs/cgroup/cpuacct"}, pids{"/sys/fs/cgroup/pids"};
  if (!memory || !cpu || !pids) {
    WARN("skipped: no cgroups v1 can be made here");
    return;
  }
  watched_child c{[&] {
    if (!memory.enter(getpid()) || !cpu.enter(getpid()) || !pids.enter(getpid()))
      _exit(1);
    const std::size_t size = 32 << 20;
    auto* block = static_cast<volatile char*>(std::malloc(size));
    for (std::size_t i = 0; i < size; i += 4096)
      block[i] = 1;
    burn(std::chrono::milliseconds{100});
  }};
  auto eye = process_eye::open(c.pid(), clock_ticks_now(), true);
  process_sample sample;
  REQUIRE(eye.look(sample));
  REQUIRE(sample.in_cgroup);
  const auto used = memory.figure("memory.usage_in_bytes");
  CHECK(used > (32 << 20));
  CHECK(sample.cgroup.memory_bytes > used - used / 50);
  CHECK(sample.cgroup.memory_bytes < used + used / 50);
  CHECK(sample.cgroup.cpu_ns >= 100'000'000);
  CHECK(sample.cgroup.cpu_ns <= cpu.figure("cpuacct.usage"));
  CHECK(sample.cgroup.pids == 1);
  CHECK(sample.cgroup.cpu_pressure < 0); // v1 has none
  for (auto* each : {&memory, &cpu, &pids})
    each->remove(c.pid());
  REQUIRE(eye.look(sample)); // the process lives on
  CHECK_FALSE(sample.in_cgroup);
  CHECK(sample.resident_bytes > 32 << 20);
}

TEST_CASE("figures of a cgroup v2 are its own") {
  for (std::string mount : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
    if (!std::ifstream{mount + "/cgroup.controllers"})
      continue;
    test_cgroup group{mount};
    if (!group)
      continue;
    watched_child c{[&] {
      if (!group.enter(getpid()))
        _exit(1);
      burn(std::chrono::milliseconds{100});
    }};
    auto eye = process_eye::open(c.pid(), clock_ticks_now(), true);
    process_sample sample;
    REQUIRE(eye.look(sample));
    REQUIRE(sample.in_cgroup);
    CHECK(sample.cgroup.cpu_ns >= 90'000'000);
    CHECK(sample.cgroup.cpu_ns < 2'000'000'000);
    if (std::ifstream{"/proc/pressure/cpu"}) {
      CHECK(sample.cgroup.cpu_pressure >= 0);
      CHECK(sample.cgroup.memory_pressure >= 0);
      CHECK(sample.cgroup.io_pressure >= 0);
    }
    group.remove(c.pid());
    REQUIRE(eye.look(sample));
    CHECK_FALSE(sample.in_cgroup);
    return;
  }
  WARN("skipped: no cgroup v2 can be made here");
}
