#include "policies/confinement.hpp"

#include "core/capabilities.hpp"
#include "core/errc.hpp"
#include "policies/hardening.hpp"
#include "policies/plan.hpp"
#include "policies/seccomp.hpp"
#include "tests/support/catch.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>

#include <cerrno>
#include <cstring>

using namespace duende;

namespace {

daemon_spec boxed_daemon(const sandbox_spec& box) {
  daemon_spec spec;
  spec.name = "a";
  spec.sandbox.obtain() = box;
  return spec;
}

/// What the program says to a call of this machine, with these first arguments. Only what libseccomp writes is understood.
std::uint32_t judge(const std::string& program, int number, std::uint64_t first = 0) {
  seccomp_data data{};
  data.nr = number;
#if defined(__x86_64__)
  data.arch = 0xc000003e;
#else
  data.arch = 0xc00000b7;
#endif
  data.args[0] = first;
  std::uint32_t accumulator = 0, scratch[16] = {};
  for (std::size_t at = 0; at * sizeof(sock_filter) < program.size(); ++at) {
    sock_filter one;
    std::memcpy(&one, program.data() + at * sizeof one, sizeof one);
    auto jump = [&](bool holds) { at += holds ? one.jt : one.jf; };
    switch (one.code) {
      case BPF_LD | BPF_W | BPF_ABS: std::memcpy(&accumulator, reinterpret_cast<char*>(&data) + one.k, 4); break;
      case BPF_LD | BPF_MEM: accumulator = scratch[one.k % 16]; break;
      case BPF_ST: scratch[one.k % 16] = accumulator; break;
      case BPF_ALU | BPF_AND | BPF_K: accumulator &= one.k; break;
      case BPF_JMP | BPF_JA: at += one.k; break;
      case BPF_JMP | BPF_JEQ | BPF_K: jump(accumulator == one.k); break;
      case BPF_JMP | BPF_JGT | BPF_K: jump(accumulator > one.k); break;
      case BPF_JMP | BPF_JGE | BPF_K: jump(accumulator >= one.k); break;
      case BPF_JMP | BPF_JSET | BPF_K: jump((accumulator & one.k) != 0); break;
      case BPF_RET | BPF_K: return one.k;
      default: FAIL("an instruction of code " << one.code);
    }
  }
  FAIL("no end");
  return 0;
}

constexpr std::uint32_t refused = SECCOMP_RET_ERRNO | 1; // EPERM

} // namespace

TEST_CASE("nothing asked for is no confinement") {
  CHECK(*confinement_of(daemon_spec{}) == nullptr);
  auto made = confinement_of(boxed_daemon({}));
  REQUIRE(made);
  CHECK((*made)->parts == 0);
}

TEST_CASE("paths become rights; what may be written may be read") {
  sandbox_spec box;
  box.read_paths = {{"/usr", "/data"}};
  box.write_paths = {{"/data"}};
  box.optional = {"landlock"};
  auto made = *confinement_of(boxed_daemon(box));
  CHECK(made->parts == confine_files);
  CHECK(made->optional == confine_files);
  CHECK(made->restricted == (landlock_read_rights | landlock_write_rights));
  auto rights = [&](std::string_view path) {
    for (auto& each : made->paths)
      if (each.path == path)
        return each.rights;
    return std::uint64_t{0};
  };
  CHECK(rights("/usr") == landlock_read_rights);
  CHECK(rights("/data") == (landlock_read_rights | landlock_write_rights));
  CHECK(rights("/dev/null") != 0);
  box.read_paths.reset(); // reading is free then, and no right of a rule
  made = *confinement_of(boxed_daemon(box));
  CHECK(made->restricted == landlock_write_rights);
  CHECK(rights("/data") == landlock_write_rights);
}

TEST_CASE("capabilities become a mask; locked memory needs one of its own") {
  sandbox_spec box;
  box.capabilities = {{"CAP_CHOWN", "CAP_NET_RAW"}};
  auto spec = boxed_daemon(box);
  CHECK((*confinement_of(spec))->capabilities == (1u << 0 | 1u << 13));
  spec.limits.obtain().lock_memory = true;
  auto made = *confinement_of(spec);
  CHECK(made->capabilities == (1u << 0 | 1u << 13 | 1u << 14));
  CHECK(made->parts == (confine_capabilities | confine_lock_memory));
  CHECK(made->optional == confine_lock_memory);
  spec.limits.obtain().lock_memory_required = true;
  CHECK((*confinement_of(spec))->optional == 0);
}

TEST_CASE("a list of denied calls kills for these and no others") {
  sandbox_spec box;
  box.seccomp = seccomp_mode::deny;
  box.calls = {"ptrace", "mount"};
  auto program = seccomp_program(box);
  REQUIRE(program);
  CHECK(judge(**program, SCMP_SYS(ptrace)) == SECCOMP_RET_KILL_PROCESS);
  CHECK(judge(**program, SCMP_SYS(mount)) == SECCOMP_RET_KILL_PROCESS);
  CHECK(judge(**program, SCMP_SYS(read)) == SECCOMP_RET_ALLOW);
  box.action = seccomp_action::fail;
  CHECK(judge(**seccomp_program(box), SCMP_SYS(mount)) == refused);
  CHECK((*confinement_of(boxed_daemon(box)))->names_calls == false);
  box.action = seccomp_action::kill;
  CHECK((*confinement_of(boxed_daemon(box)))->names_calls);
  CHECK(*seccomp_program(box) == *program); // made once
}

TEST_CASE("a list of allowed calls lets these and what a start needs") {
  sandbox_spec box;
  box.seccomp = seccomp_mode::allow;
  box.calls = {"read"};
  auto program = *seccomp_program(box);
  for (int each : {SCMP_SYS(read), SCMP_SYS(execve), SCMP_SYS(exit_group), SCMP_SYS(write)})
    CHECK(judge(*program, each) == SECCOMP_RET_ALLOW);
  CHECK(judge(*program, SCMP_SYS(openat)) == SECCOMP_RET_KILL_PROCESS);
}

TEST_CASE("the default profile refuses what only attacks use") {
  sandbox_spec box;
  box.seccomp = seccomp_mode::standard;
  auto program = *seccomp_program(box);
  for (int each :
       {SCMP_SYS(ptrace), SCMP_SYS(bpf), SCMP_SYS(mount), SCMP_SYS(kexec_load), SCMP_SYS(init_module), SCMP_SYS(keyctl),
        SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(io_uring_setup), SCMP_SYS(reboot)})
    CHECK(judge(*program, each) == refused);
  for (int each : {SCMP_SYS(read), SCMP_SYS(socket), SCMP_SYS(mmap), SCMP_SYS(futex), SCMP_SYS(chroot)})
    CHECK(judge(*program, each) == SECCOMP_RET_ALLOW);
  CHECK(judge(*program, SCMP_SYS(clone), 0x01200011) == SECCOMP_RET_ALLOW); // fork(2) of glibc
  CHECK(judge(*program, SCMP_SYS(clone), 0x003d0f00) == SECCOMP_RET_ALLOW); // a thread
  CHECK(judge(*program, SCMP_SYS(clone), 0x10000011) == refused);           // a user namespace
  CHECK(judge(*program, SCMP_SYS(clone3)) == (SECCOMP_RET_ERRNO | ENOSYS));
}

TEST_CASE("a call that nobody knows is named") {
  sandbox_spec box;
  box.seccomp = seccomp_mode::deny;
  box.calls = {"no_such_call"};
  auto program = seccomp_program(box);
  REQUIRE_FALSE(program);
  CHECK_THAT(sentence(program.error()), Contains("no system call 'no_such_call'"));
}

TEST_CASE("a change of the sandbox needs a new process, and is named") {
  sandbox_spec box;
  box.seccomp = seccomp_mode::standard;
  stack present, wanted;
  present.daemons = {boxed_daemon(box)};
  box.network = false;
  box.write_paths = {{"/x"}};
  auto other = boxed_daemon(box);
  other.limits.obtain().lock_memory = true;
  wanted.daemons = {other};
  auto plan = make_plan(present, wanted);
  REQUIRE(plan.steps.size() == 1);
  CHECK(to_string(plan.steps[0]) == "~ a (security.write_paths, security.network, resources.lock_memory): restarts");
  CHECK(make_plan(present, present).steps.empty());
}

TEST_CASE("a score runs from root with everything to a closed box") {
  hardening_facts facts;
  facts.root = true;
  facts.capabilities = ~0ull >> (64 - 41);
  auto open = rate(facts);
  CHECK(open.score == 0);
  REQUIRE(open.steps.size() == 3);
  CHECK(open.steps[0].gain >= open.steps[1].gain);
  CHECK(open.steps[1].gain >= open.steps[2].gain);
  facts.root = false;
  CHECK(rate(facts).score == 20);
  facts.capabilities = capability_bit(10); // CAP_NET_BIND_SERVICE: some, but no mighty one
  CHECK(rate(facts).score > 20);
  facts = {false, 0, true, true, true, true, true};
  CHECK(rate(facts).score == 100);
  CHECK(rate(facts).steps.empty());
  facts.writes_restricted = false;
  CHECK_THAT(rate(facts).steps.at(0).text, Contains("security.write_paths"));
}
