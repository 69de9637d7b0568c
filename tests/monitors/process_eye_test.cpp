#include "monitors/observer/process_eye.hpp"

#include "monitors/observer/detail.hpp"
#include "monitors/observer/gpu.hpp"
#include "monitors/usage/proc_text.hpp"
#include "tests/monitors/observer_support.hpp"

#include <sys/mman.h>
#include <sys/prctl.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <thread>

using namespace duende;
using namespace duende::test;
using namespace std::chrono_literals;

namespace {

process_sample look_at(pid_t pid, bool keep_open = true) {
  auto eye = process_eye::open(pid, clock_ticks_now(), keep_open);
  REQUIRE(eye);
  process_sample sample;
  REQUIRE(eye.look(sample));
  return sample;
}

bool is_one_of(std::uint64_t x, std::uint64_t about, std::uint64_t most_off) {
  return x >= about - std::min(about, most_off) && x <= about + most_off;
}

/// Forks until the child has that number; false where the machine does not let us.
bool fork_as(pid_t wanted, pid_t& got) {
  for (int attempt = 0; attempt < 200; ++attempt) {
    std::ofstream last{"/proc/sys/kernel/ns_last_pid"};
    last << wanted - 1 << std::flush;
    if (!last)
      return false;
    got = fork();
    if (got == 0) {
      pause();
      _exit(0);
    }
    if (got == wanted)
      return true;
    kill(got, SIGKILL);
    waitpid(got, nullptr, 0);
  }
  return false;
}

} // namespace

TEST_CASE("sampled memory is what the kernel says", "[F028]") {
  watched_child c{[] {
    const std::size_t size = 64 << 20;
    auto* memory = static_cast<char*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    for (std::size_t i = 0; i < size; i += 4096)
      memory[i] = 1;
  }};
  const auto sample = look_at(c.pid());
  const auto kernel = kernel_figure(c.pid(), "smaps_rollup", "Rss:") * 1024;
  REQUIRE(kernel > (64 << 20));
  CHECK(is_one_of(sample.resident_bytes, kernel, kernel / 100));
  CHECK(sample.virtual_bytes > sample.resident_bytes);
  const auto detail = read_memory_detail(c.pid(), sample.start_time);
  REQUIRE(detail);
  const auto pss = kernel_figure(c.pid(), "smaps_rollup", "Pss:") * 1024;
  CHECK(is_one_of(detail->proportional_bytes, pss, pss / 100));
  CHECK(detail->private_bytes >= 64 << 20);
  CHECK_FALSE(read_memory_detail(c.pid(), sample.start_time + 1)); // another process with this number
}

TEST_CASE("sampled CPU is what the kernel says", "[F029]") {
  watched_child c{[] { burn(400ms); }};
  const auto sample = look_at(c.pid());
  const auto kernel = c.rusage_of_end();
  const auto total = (as_duration(kernel.ru_utime) + as_duration(kernel.ru_stime)).count();
  CHECK(is_one_of(sample.cpu_ns, static_cast<std::uint64_t>(total), static_cast<std::uint64_t>(total) / 20));
  CHECK(sample.user_ns > sample.system_ns);
}

TEST_CASE("threads, descriptors, children, transfers and switches are the kernel's", "[F060]") {
  watched_child c{[] {
    for (int i = 0; i < 300; ++i)
      if (dup(0) < 0)
        _exit(1);
    for (int i = 0; i < 5; ++i)
      if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pause();
        _exit(0);
      }
    for (int i = 0; i < 20; ++i)
      std::this_thread::sleep_for(1ms);
  }};
  for (bool keep_open : {true, false}) {
    const auto sample = look_at(c.pid(), keep_open);
    CHECK(sample.threads == 1);
    CHECK(sample.open_fds >= 300);
    CHECK(sample.open_fds < 330);
    CHECK(sample.children == 5);
    CHECK(sample.state == 'S');
    const auto switches = kernel_figure(c.pid(), "status", "voluntary_ctxt_switches:")
                          + kernel_figure(c.pid(), "status", "nonvoluntary_ctxt_switches:");
    CHECK(switches >= 20);
    CHECK(is_one_of(sample.switches, switches, 2));
    CHECK(sample.written_bytes == kernel_figure(c.pid(), "io", "write_bytes:"));
  }
  watched_child many{[] {
    static std::atomic<int> up = 0;
    for (int i = 0; i < 7; ++i)
      std::thread{[] {
        ++up;
        pause();
      }}.detach();
    std::thread{[] {
      if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pause();
        _exit(0);
      }
      ++up;
      pause();
    }}.detach();
    while (up < 8)
      std::this_thread::yield();
  }};
  const auto sample = look_at(many.pid());
  CHECK(sample.threads == 9);
  CHECK(sample.threads == kernel_figure(many.pid(), "status", "Threads:"));
  CHECK(sample.children == 1); // of another thread than the first
}

TEST_CASE("a process tree holds children and grandchildren", "[F059]") {
  watched_child c{[] {
    int ready[2];
    if (pipe(ready) != 0)
      _exit(1);
    for (int i = 0; i < 2; ++i)
      if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (int j = 0; j < 3; ++j)
          if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            prctl(PR_SET_NAME, "grandchild");
            [[maybe_unused]] auto n = write(ready[1], "r", 1);
            pause();
            _exit(0);
          }
        pause();
        _exit(0);
      }
    char byte;
    for (int i = 0; i < 6; ++i)
      if (read(ready[0], &byte, 1) != 1)
        _exit(1);
  }};
  const auto tree = read_tree(c.pid(), look_at(c.pid()).start_time);
  REQUIRE(tree.size() == 9);
  CHECK(tree.front().pid == c.pid());
  std::map<pid_t, std::uint32_t> depth;
  std::map<std::uint32_t, int> at_depth;
  for (const auto& p : tree) {
    ++at_depth[p.depth];
    CHECK((p.depth == 0 || depth.at(p.parent) + 1 == p.depth)); // after its parent, and one below
    depth[p.pid] = p.depth;
    CHECK((p.command == "grandchild") == (p.depth == 2));
  }
  CHECK(at_depth == std::map<std::uint32_t, int>{{0, 1}, {1, 2}, {2, 6}});
  CHECK(read_tree(c.pid(), 1).empty());
}

TEST_CASE("one that has slept since the last look shows what others did to it, and all once it has run") {
  int wake[2];
  REQUIRE(pipe(wake) == 0);
  watched_child c{[&] {
    signal(SIGCHLD, SIG_IGN); // children that end are gone at once
    if (fork() == 0) {
      pause();
      _exit(0);
    }
    std::thread{[&] { // the main thread waits to be let go
      char byte;
      while (read(wake[0], &byte, 1) == 1)
        if (dup(0) < 0)
          _exit(1);
    }}
      .detach();
  }};
  auto eye = process_eye::open(c.pid(), clock_ticks_now(), true);
  process_sample first, second;
  REQUIRE(eye.look(first));
  for (int i = 0; i < 3; ++i) {
    REQUIRE(eye.look(second));
    CHECK(second.threads == 2);
    CHECK(second.open_fds == first.open_fds);
  }
  REQUIRE(write(wake[1], "x", 1) == 1);
  for (int i = 0; i < 1000 && second.open_fds == first.open_fds; ++i) {
    std::this_thread::sleep_for(1ms);
    REQUIRE(eye.look(second));
  }
  CHECK(second.open_fds == first.open_fds + 1);
  CHECK(second.cpu_ns > first.cpu_ns);
  for (const auto& p : read_tree(c.pid(), first.start_time))
    if (p.depth == 1)
      kill(p.pid, SIGKILL);
  for (auto fd : wake)
    close(fd);
}

TEST_CASE("one that dies while it is looked at is gone, and no error") {
  watched_child c;
  auto eye = process_eye::open(c.pid(), clock_ticks_now(), true);
  process_sample sample;
  REQUIRE(eye.look(sample));
  const auto pid = c.pid();
  kill(pid, SIGKILL);
  siginfo_t end{};
  REQUIRE(waitid(P_PID, static_cast<id_t>(pid), &end, WEXITED | WNOWAIT) == 0);
  CHECK_FALSE(eye.look(sample)); // a zombie
  c.rusage_of_end();
  CHECK_FALSE(eye.look(sample));
  CHECK_FALSE(process_eye::open(pid, clock_ticks_now(), true));
  CHECK_FALSE(process_eye::open(0, clock_ticks_now(), true));
}

TEST_CASE("a number that another process has got gives nothing", "[F102]") {
  watched_child first;
  const auto pid = first.pid();
  const auto known_at = clock_ticks_now();
  auto eye = process_eye::open(pid, known_at, true);
  auto thrifty = process_eye::open(pid, known_at, false);
  process_sample sample;
  REQUIRE(eye.look(sample));
  first.rusage_of_end();
  while (clock_ticks_now() == known_at)
    std::this_thread::yield();
  pid_t second = 0;
  if (!fork_as(pid, second)) {
    WARN("skipped: the next process's number can't be chosen here");
    return;
  }
  CHECK_FALSE(eye.look(sample));
  CHECK_FALSE(thrifty.look(sample));
  CHECK_FALSE(process_eye::open(pid, known_at, true));
  CHECK(process_eye::open(pid, clock_ticks_now(), true));
  kill(second, SIGKILL);
  waitpid(second, nullptr, 0);
}

TEST_CASE("a machine without a GPU has no GPU figures, and that is no error", "[F058]") {
  gpu_library gpus;
  if (gpus.available())
    WARN("this machine has NVML: what is read is for F057 to judge");
  else
    CHECK(gpus.read(getpid()).empty());
  gpu_library none{"libno-such-thing.so"};
  CHECK_FALSE(none.available());
  CHECK(none.read(getpid()).empty());
}

TEST_CASE("what NVML says of each GPU is passed on, and what it does not say is absent") {
  gpu_library stand_in{DUENDE_FAKE_NVML}; // no real GPU: F057 is not decided here
  REQUIRE(stand_in.available());
  const auto gpus = stand_in.read(getpid());
  REQUIRE(gpus.size() == 2);
  CHECK(gpus[0].busy_percent == 42u);
  CHECK(gpus[0].memory_used_bytes == 3ULL << 30);
  CHECK(gpus[0].memory_total_bytes == 16ULL << 30);
  CHECK(gpus[0].process_memory_bytes == 1ULL << 30);
  CHECK(gpus[1].index == 1);
  CHECK_FALSE(gpus[1].busy_percent);
  CHECK_FALSE(gpus[1].process_memory_bytes);
  CHECK_FALSE(stand_in.read(2)[0].process_memory_bytes);
}
