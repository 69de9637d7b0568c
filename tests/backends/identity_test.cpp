#include "backends/native/identity.hpp"

#include "core/time.hpp"
#include "tests/support/catch.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

using namespace duende;
using namespace std::chrono_literals;

TEST_CASE("a process is known by pid and start time, not by pid [F102]", "[F102]") {
  process_facts self;
  REQUIRE(read_process(getpid(), self));
  CHECK(self.parent == getppid());
  CHECK(alive(getpid(), self.start_time));
  auto age = monotonic_now() - instant{duration{static_cast<std::int64_t>(monotonic_of(self.start_time))}};
  CHECK(age > -20ms); // a clock tick
  CHECK(age < 10min);
  CHECK(!alive(getpid(), self.start_time - 1)); // the pid's earlier holder
  CHECK(strlen(boot_id().data()) == 36);
}

TEST_CASE("a zombie is not alive") {
  pid_t pid = fork();
  if (pid == 0)
    _exit(0);
  siginfo_t info;
  waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT);
  process_facts facts;
  REQUIRE(read_process(pid, facts));
  CHECK(facts.state == 'Z');
  CHECK(!alive(pid, facts.start_time));
  waitpid(pid, nullptr, 0);
  CHECK(!read_process(pid, facts));
}

TEST_CASE("the start time between two clock readings is the kernel's") {
  int compared = 0;
  for (int i = 0; i < 2000 && compared < 100; ++i) { // some straddle a tick, of an instrumented program many
    auto before = boottime();
    pid_t pid = fork();
    if (pid == 0) {
      pause();
      _exit(0);
    }
    auto guess = start_time_between(before, boottime());
    process_facts facts;
    REQUIRE(read_process(pid, facts));
    if (guess != 0) {
      CHECK(guess == facts.start_time);
      ++compared;
    }
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
  CHECK(compared == 100);
}
