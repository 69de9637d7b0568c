#include "actors/memory.hpp"

#include "core/errc.hpp"
#include "tests/support/catch.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>

#include <cstdio>
#include <string>

using namespace duende;

namespace {

/// What `what` writes in a process of its own, that may lock `most` bytes and has no capability.
template <class F>
std::string without_rights(rlim_t most, F what) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  auto pid = fork();
  if (pid == 0) {
    rlimit limit{most, most};
    setrlimit(RLIMIT_MEMLOCK, &limit);
    __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct none[2] = {};
    syscall(SYS_capset, &head, none);
    auto text = what();
    [[maybe_unused]] auto size = write(ends[1], text.data(), text.size());
    _exit(0);
  }
  close(ends[1]);
  std::string text(4096, '\0');
  auto size = read(ends[0], text.data(), text.size());
  close(ends[0]);
  waitpid(pid, nullptr, 0);
  text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return text;
}

std::string outcome(memory_lock how) {
  auto locked = lock_memory(how);
  return !locked ? sentence(locked.error()) : *locked ? "locked" : "not locked";
}

} // namespace

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
TEST_CASE("memory is locked") { WARN("skipped: sanitizers have a mlockall that does nothing"); }
#else
TEST_CASE("memory that can't be locked is explained with what helps, or done without") {
  for (rlim_t most : {rlim_t{0}, rlim_t{65536}}) { // EPERM, ENOMEM
    auto text = without_rights(most, [] { return outcome(memory_lock::required); });
    INFO(text);
    CHECK_THAT(text, Contains("cannot lock its memory: ") && Contains("CAP_IPC_LOCK"));
    CHECK_THAT(text, Contains("RLIMIT_MEMLOCK") && Contains("LimitMEMLOCK=infinity") && Contains("privileged"));
    CHECK(without_rights(most, [] { return outcome(memory_lock::best_effort); }) == "not locked");
  }
}

TEST_CASE("locked memory is told, and given free") {
  auto before = locked_memory();
  auto locked = lock_memory(memory_lock::best_effort);
  REQUIRE(locked);
  if (!*locked)
    return; // not root, and a low limit
  CHECK(locked_memory() > before);
  unlock_memory();
  CHECK(locked_memory() == 0);
}
#endif
