// What a sandbox refuses, by the kernel of this machine.
#include "core/capabilities.hpp"
#include "core/seccomp_library.hpp"
#include "policies/confinement.hpp"
#include "tests/backends/keeper_fixture.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cstring>

using namespace duende;
using namespace duende::test;

namespace {

sandbox_spec denying(std::vector<std::string> calls, seccomp_action how = seccomp_action::kill) {
  sandbox_spec box;
  box.seccomp = seccomp_mode::deny;
  box.action = how;
  box.calls = std::move(calls);
  return box;
}

launch_request probe(std::vector<std::string> words, const sandbox_spec& box, const limits_spec& limits = {}) {
  daemon_spec spec;
  spec.sandbox.obtain() = box;
  spec.limits.obtain() = limits;
  auto request = shell("");
  request.path = DUENDE_SANDBOX_PROBE;
  request.argv = {"probe"};
  request.argv.insert(request.argv.end(), words.begin(), words.end());
  auto made = confinement_of(spec);
  if (!made)
    FAIL(sentence(made.error()));
  request.sandbox = *made;
  return request;
}

bool landlock() { return syscall(444, nullptr, 0, 1) > 0; }

std::uint64_t capability_set(const std::string& status, const std::string& name) {
  auto at = status.find(name + ":\t");
  return at == std::string::npos ? ~0ull : std::stoull(status.substr(at + name.size() + 2), nullptr, 16);
}

} // namespace

TEST_CASE("a forbidden call kills by SIGSYS, and its number is told [F071]", "[F071]") {
  kept k;
  SECTION("by a list of denied ones") {
    auto end = k.run(probe({"forbidden"}, denying({"ptrace"})));
    CHECK(WTERMSIG(end.status) == SIGSYS);
    REQUIRE(end.refused_call >= 0);
    CHECK(system_call_name(end.call_arch, end.refused_call) == "ptrace");
  }
  SECTION("in a second thread") {
    auto end = k.run(probe({"forbidden-in-thread"}, denying({"ptrace"})));
    CHECK(WTERMSIG(end.status) == SIGSYS);
    CHECK(system_call_name(end.call_arch, end.refused_call) == "ptrace");
  }
  SECTION("by a list of allowed ones that lacks nearly everything: at once") {
    sandbox_spec box;
    box.seccomp = seccomp_mode::allow;
    box.calls = {"getpid"};
    auto end = k.run(probe({"whole"}, box));
    CHECK(WTERMSIG(end.status) == SIGSYS);
    CHECK(system_call_name(end.call_arch, end.refused_call));
  }
  SECTION("also where SIGSYS is blocked: then by SIGKILL") {
    auto end = k.run(probe({"forbidden-deaf"}, denying({"ptrace"})));
    CHECK(WTERMSIG(end.status) == SIGKILL);
    CHECK(system_call_name(end.call_arch, end.refused_call) == "ptrace");
  }
  SECTION("in a process of its own: that one ends, the daemon does not") {
    auto end = k.run(probe({"forbidden-in-child"}, denying({"ptrace"})));
    REQUIRE(WIFEXITED(end.status));
    CHECK(WEXITSTATUS(end.status) == 100 + SIGSYS);
    CHECK(end.refused_call == -1);
  }
  SECTION("and the next life is judged anew") {
    auto first = probe({"forbidden"}, denying({"ptrace"}));
    k.run(first);
    auto second = probe({"whole"}, denying({"ptrace"}));
    second.id = first.id;
    second.incarnation = 2;
    auto end = k.run(second);
    CHECK(end.status == 0);
    CHECK(end.refused_call == -1);
  }
}

TEST_CASE("errno refuses and lets live; the default profile does so, too") {
  kept k;
  CHECK(WEXITSTATUS(k.run(probe({"forbidden"}, denying({"ptrace"}, seccomp_action::fail))).status) == EPERM);
  sandbox_spec standard;
  standard.seccomp = seccomp_mode::standard;
  CHECK(WEXITSTATUS(k.run(probe({"forbidden"}, standard)).status) == EPERM);
  CHECK(WEXITSTATUS(k.run(probe({"namespace"}, standard)).status) == EPERM);
  CHECK(WEXITSTATUS(k.run(probe({"whole"}, standard)).status) == 0);
}

TEST_CASE("permitted calls pass: a whole program runs [F072]", "[F072]") {
  kept k;
  auto request = probe({"whole"}, denying({"ptrace", "kexec_load", "mount"}));
  auto end = k.run(request);
  CHECK(end.status == 0);
  CHECK(k.output(request.id, 6) == "whole\n");
  CHECK(k.run(probe({"raw-socket"}, sandbox_spec{.network = true})).refused_call == -1);
}

TEST_CASE("a start that fails behind its filter still says why") {
  kept k;
  auto request = probe({""}, denying({"openat", "read", "mmap"}));
  request.path = "/nope";
  CHECK(k.failure(request) == "cannot execute '/nope': No such file or directory");
  request.id = uuid::random();
  request.working_dir = "/nope/at/all";
  CHECK(k.failure(request) == "cannot enter working_dir '/nope/at/all': No such file or directory");
}

TEST_CASE("files outside of its paths are out of reach [F073]", "[F073]") {
  if (!landlock())
    return; // the kernel has none
  kept k;
  folder readable, writable, other;
  std::ofstream{readable.path + "/file"} << "text";
  std::ofstream{other.path + "/file"} << "text";
  sandbox_spec box;
  box.read_paths = {{readable.path, std::filesystem::path{DUENDE_SANDBOX_PROBE}.parent_path()}};
  box.write_paths = {{writable.path}};
  auto tried = [&](std::vector<std::string> words) { return WEXITSTATUS(k.run(probe(words, box)).status); };
  CHECK(tried({"read", readable.path + "/file"}) == 0);
  CHECK(tried({"write", readable.path + "/file"}) == EACCES);
  CHECK(tried({"write", writable.path + "/new"}) == 0);
  CHECK(tried({"read", writable.path + "/new"}) == 0);
  CHECK(tried({"remove", writable.path + "/new"}) == 0);
  CHECK(tried({"read", other.path + "/file"}) == EACCES);
  CHECK(tried({"write", other.path + "/new"}) == EACCES);
  CHECK(tried({"remove", other.path + "/file"}) == EACCES);
  CHECK(tried({"write", "/dev/null"}) == 0);
  CHECK(tried({"read", "/etc/passwd"}) == EACCES);
  SECTION("one that is no folder is a path as well") {
    box.read_paths->push_back("/etc/passwd");
    CHECK(tried({"read", "/etc/passwd"}) == 0);
    CHECK(tried({"read", "/etc/group"}) == EACCES);
  }
  SECTION("absent is not restricted, empty is nothing") {
    box.read_paths.reset();
    CHECK(tried({"read", "/etc/passwd"}) == 0);
    CHECK(tried({"write", other.path + "/new"}) == EACCES);
    box.write_paths = std::vector<std::string>{};
    CHECK(tried({"write", writable.path + "/more"}) == EACCES);
  }
  SECTION("a path that is missing fails the start by name") {
    box.read_paths->push_back("/nope");
    CHECK(k.failure(probe({"read", "/"}, box)) == "cannot restrict its files '/nope': No such file or directory");
  }
}

TEST_CASE("without a network there is its own loopback only [F074]", "[F074]") {
  kept k;
  int outside = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof where;
  REQUIRE(bind(outside, reinterpret_cast<sockaddr*>(&where), sizeof where) == 0);
  REQUIRE(listen(outside, 8) == 0);
  REQUIRE(getsockname(outside, reinterpret_cast<sockaddr*>(&where), &size) == 0);
  std::vector<std::string> to_us = {"reach", "127.0.0.1", std::to_string(ntohs(where.sin_port))};
  auto tried = [&](std::vector<std::string> words, bool network) {
    return WEXITSTATUS(k.run(probe(words, sandbox_spec{.network = network})).status);
  };
  CHECK(tried(to_us, true) == 0);
  CHECK(tried(to_us, false) == ECONNREFUSED); // that is its own 127.0.0.1
  CHECK(tried({"loopback"}, false) == 0);
  CHECK(tried({"reach", "192.0.2.1"}, false) == ENETUNREACH);
  close(outside);
}

TEST_CASE("dropped capabilities are gone, kept ones stay over a change of user [F075]", "[F075]") {
  if (getuid() != 0)
    return;
  kept k;
  sandbox_spec none, raw;
  none.capabilities = std::vector<std::string>{};
  raw.capabilities = {{"CAP_NET_RAW"}};
  CHECK(WEXITSTATUS(k.run(probe({"raw-socket"}, none)).status) == EPERM);
  CHECK(WEXITSTATUS(k.run(probe({"raw-socket"}, raw)).status) == 0);
  auto as_nobody = [](launch_request request) {
    request.change_user = true;
    request.uid = request.gid = 65534;
    return request;
  };
  CHECK(WEXITSTATUS(k.run(as_nobody(probe({"raw-socket"}, none))).status) == EPERM);
  CHECK(WEXITSTATUS(k.run(as_nobody(probe({"raw-socket"}, raw))).status) == 0);
  auto shown = as_nobody(probe({}, raw));
  shown.path = "/bin/cat";
  shown.argv = {"cat", "/proc/self/status"};
  k.run(shown);
  auto status = k.output(shown.id, 500);
  for (auto* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
    INFO(set);
    CHECK(capability_set(status, set) == capability_bit(*capability_number("net_raw")));
  }
}

TEST_CASE("a capability that duende lacks is named") {
  kept k;
  auto mine = slurp("/proc/self/status");
  auto lacking = ~capability_set(mine, "CapPrm");
  for (int number = 0; number < 40; ++number)
    if ((lacking >> number & 1) != 0) {
      sandbox_spec box;
      box.capabilities = {{capability_name(number)}};
      CHECK_THAT(
        k.failure(probe({"loopback"}, box)),
        Contains("cannot keep capability '" + capability_name(number) + "': Operation not permitted (duende does not"));
      return;
    }
}

TEST_CASE("memory can be locked where that was asked for") {
  kept k;
  limits_spec lock;
  lock.lock_memory = lock.lock_memory_required = true;
  auto request = probe({"lock"}, {}, lock);
  if (getuid() == 0) {
    request.change_user = true;
    request.uid = request.gid = 65534;
  }
  k.link->launch(request);
  k.all.wait([&] { return !k.all.exits.empty() || !k.all.failures.empty(); });
  auto failures = k.all.copy(&told::failures);
  if (failures.empty())
    CHECK(k.all.copy(&told::exits).back().status == 0);
  else // neither root nor a high limit here
    CHECK_THAT(
      failures.back().text, Contains("cannot let it lock its memory: Operation not permitted (one of these helps"));
}

TEST_CASE("everything at once") {
  kept k;
  folder own;
  sandbox_spec box = denying({"ptrace"});
  box.network = false;
  if (landlock()) {
    box.read_paths = {
      {"/usr", "/lib", "/lib64", "/etc", "/bin", std::filesystem::path{DUENDE_SANDBOX_PROBE}.parent_path()}};
    box.write_paths = {{own.path}};
  }
  if (getuid() == 0)
    box.capabilities = std::vector<std::string>{};
  CHECK(WEXITSTATUS(k.run(probe({"loopback"}, box)).status) == 0);
  auto end = k.run(probe({"forbidden"}, box));
  CHECK(WTERMSIG(end.status) == SIGSYS);
  CHECK(system_call_name(end.call_arch, end.refused_call) == "ptrace");
}
