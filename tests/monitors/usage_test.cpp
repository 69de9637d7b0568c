#include "monitors/usage/usage.hpp"

#include "tests/monitors/observer_support.hpp"
#include "tests/support/catch.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

using namespace duende;
using namespace duende::test;

TEST_CASE("reported memory is what the kernel says", "[F028]") {
  watched_child c{[] {
    const std::size_t size = 64 << 20;
    auto* memory = static_cast<char*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    for (std::size_t i = 0; i < size; i += 4096)
      memory[i] = 1;
  }};
  const auto usage = read_usage(c.pid());
  REQUIRE(usage);
  const auto kernel = static_cast<double>(kernel_figure(c.pid(), "smaps_rollup", "Rss:") * 1024);
  REQUIRE(kernel > (64 << 20));
  CHECK(std::abs(static_cast<double>(usage->resident_bytes) - kernel) <= 0.01 * kernel);
}

TEST_CASE("reported CPU is what the kernel says", "[F029]") {
  watched_child c{[] { burn(std::chrono::milliseconds{800}); }};
  const auto usage = read_usage(c.pid());
  REQUIRE(usage);
  const auto kernel = c.rusage_of_end();
  const auto total = std::chrono::duration<double>(as_duration(kernel.ru_utime) + as_duration(kernel.ru_stime)).count();
  const auto reported = std::chrono::duration<double>(usage->user + usage->system).count();
  REQUIRE(total >= 0.8);
  CHECK(std::abs(reported - total) <= 0.05 * total);
  CHECK(usage->user > usage->system);
}

TEST_CASE("descriptors, threads and children are counted") {
  watched_child c{[] {
    for (int i = 0; i < 300; ++i)
      if (dup(0) < 0)
        _exit(1);
    for (int i = 0; i < 3; ++i)
      std::thread{[] { pause(); }}.detach();
    for (int i = 0; i < 5; ++i)
      if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pause();
        _exit(0);
      }
  }};
  const auto usage = read_usage(c.pid());
  REQUIRE(usage);
  CHECK(usage->threads >= 4);
  CHECK(usage->threads == kernel_figure(c.pid(), "status", "Threads:"));
  REQUIRE(usage->open_fds);
  CHECK(*usage->open_fds >= 300);
  CHECK(*usage->open_fds < 330);
  if (usage->children)
    CHECK(*usage->children == 5);
  else
    WARN("skipped: this kernel does not list children");
}

TEST_CASE("a process that is gone, a zombie and no process at all give nothing") {
  CHECK_FALSE(read_usage(0));
  CHECK_FALSE(read_usage(-1));
  CHECK_FALSE(read_usage(INT32_MAX));
  const pid_t pid = fork();
  if (pid == 0)
    _exit(0);
  siginfo_t info{};
  REQUIRE(waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) == 0);
  CHECK_FALSE(read_usage(pid));
  waitpid(pid, nullptr, 0);
  CHECK_FALSE(read_usage(pid));
}

TEST_CASE("commands with parentheses, spaces and line ends are parsed") {
  watched_child c{[] { prctl(PR_SET_NAME, ") S 1 (\n)"); }};
  const auto usage = read_usage(c.pid());
  REQUIRE(usage);
  CHECK(usage->threads == kernel_figure(c.pid(), "status", "Threads:"));
  CHECK(usage->start_time > 0);

  const std::string tail = " S 7 2 3 4 5 6 7 8 9 10 111 222 13 14 15 16 9 18 424242 20 55 rest";
  for (std::string command : {"sh", "a b", "((", "))", "x) R 1 (y", ""}) {
    const auto text = "42 (" + command + ")" + tail;
    const auto stat = parse_proc_stat(text);
    REQUIRE(stat);
    CHECK(stat->command == command);
    CHECK(stat->state == 'S');
    CHECK(stat->parent == 7);
    CHECK(stat->user_ticks == 111);
    CHECK(stat->system_ticks == 222);
    CHECK(stat->threads == 9);
    CHECK(stat->start_time == 424242);
    CHECK(stat->resident_pages == 55);
  }
}

TEST_CASE("text that is no stat is refused at every length") {
  const std::string whole = "42 (sh) S 7 2 3 4 5 6 7 8 9 10 111 222 13 14 15 16 9 18 424242 20 55";
  REQUIRE(parse_proc_stat(whole));
  for (std::size_t size = 0; size < whole.size() - 2; ++size)
    CHECK_FALSE(parse_proc_stat(whole.substr(0, size)));
  CHECK_FALSE(parse_proc_stat(")("));
  CHECK_FALSE(parse_proc_stat("42 (sh) SS 7 2"));
  CHECK_FALSE(parse_proc_stat("42 (sh) S x 2 3 4 5 6 7 8 9 10 111 222 13 14 15 16 9 18 424242 20 55"));
}
