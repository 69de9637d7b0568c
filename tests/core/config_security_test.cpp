// Sandboxes and locked memory in a configuration: what is read, and what does not fit together.
#include "core/capabilities.hpp"
#include "core/config/load.hpp"
#include "tests/core/config_support.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

using namespace duende;
using duende::test::lines;

namespace {

load_result secured(const std::string& more, const std::string& daemon = {}) {
  return load_text(
    "[[daemon]]\nname = \"a\"\nbinary_path = \"x\"\n" + daemon + "[daemon.security]\n" + more, config_format::toml,
    "f.toml", "/etc/x");
}

std::string faults_in(const std::string& more, const std::string& daemon = {}) {
  std::string result;
  for (auto& each : secured(more, daemon).errors)
    result += to_string(each) + "\n";
  return result;
}

using strings = std::vector<std::string>;

} // namespace

TEST_CASE("a whole sandbox is read, and reads back", "[config]") {
  auto result =
    secured("no_new_privileges = true\ncapabilities = [\"net_raw\", \"CAP_CHOWN\", \"CAP_NET_RAW\"]\n"
            "seccomp = { deny = [\"ptrace\", \"mount\", \"ptrace\"], action = \"errno\" }\n"
            "read_paths = [\"/usr\", \"data\"]\nwrite_paths = []\nnetwork = false\noptional = [\"landlock\"]\n");
  REQUIRE(lines(result).empty());
  const auto& spec = result.value.daemons[0];
  const auto& box = *spec.sandbox;
  CHECK(box.capabilities == strings{"CAP_NET_RAW", "CAP_CHOWN"});
  CHECK(box.seccomp == seccomp_mode::deny);
  CHECK(box.action == seccomp_action::fail);
  CHECK(box.calls == strings{"ptrace", "mount"});
  CHECK(box.read_paths == strings{"/usr", "/etc/x/data"});
  CHECK(box.write_paths == strings{});
  CHECK_FALSE(box.network);
  CHECK(box.optional == strings{"landlock"});
  auto back = load_daemon_json(to_json(spec).dump(), "/elsewhere");
  REQUIRE(lines(back).empty());
  CHECK(back.value.daemons[0] == spec);
}

TEST_CASE("what restricts nothing is no sandbox", "[config]") {
  auto result =
    secured("seccomp = \"off\"\nnetwork = true\noptional = []\n", "[daemon.resources]\nlock_memory = false\n");
  REQUIRE(lines(result).empty());
  CHECK_FALSE(result.value.daemons[0].sandbox);
  CHECK_FALSE(result.value.daemons[0].limits);
}

TEST_CASE("the default action kills, the default profile needs no list", "[config]") {
  CHECK(secured("seccomp = { allow = [\"read\"] }").value.daemons[0].sandbox->action == seccomp_action::kill);
  CHECK(secured("seccomp = \"default\"").value.daemons[0].sandbox->seccomp == seccomp_mode::standard);
}

TEST_CASE("what is wrong with a sandbox has a place", "[config]") {
  CHECK(
    faults_in("capabilities = [\"CAP_NET_RWA\"]")
    == "f.toml:5:17: 'security.capabilities': unknown capability 'CAP_NET_RWA'; did you mean 'CAP_NET_RAW'?\n");
  CHECK(
    faults_in("seccomp = { deny = [\"pttrace\"] }")
    == "f.toml:5:21: 'security.seccomp': unknown system call 'pttrace'; did you mean 'ptrace'?\n");
  CHECK_THAT(faults_in("capabilities = [7]"), Contains("expected a string, found an integer"));
  CHECK_THAT(
    faults_in("seccomp = \"defualt\""), Contains("unknown value 'defualt'") && Contains("did you mean 'default'?"));
  CHECK_THAT(faults_in("seccomp = 3"), Contains("expected \"default\", \"off\" or a table of 'allow' or 'deny'"));
  CHECK_THAT(faults_in("seccomp = {}"), Contains("needs 'allow' or 'deny'"));
  CHECK_THAT(
    faults_in("seccomp = { allow = [\"read\"], deny = [\"ptrace\"] }"),
    Contains("'allow' and 'deny' exclude each other"));
  CHECK_THAT(faults_in("seccomp = { deny = [] }"), Contains("an empty list of system calls; write \"off\""));
  CHECK_THAT(
    faults_in("seccomp = { deny = \"ptrace\" }"), Contains("expected an array of system calls, found a string"));
  CHECK_THAT(
    faults_in("seccomp = { deny = [\"ptrace\"], action = \"trap\" }"),
    Contains("unknown action 'trap' (accepted: kill, errno)"));
  CHECK_THAT(
    faults_in("seccomp = { deny = [\"ptrace\"], akcion = \"kill\" }"),
    Contains("unknown key 'akcion'; did you mean 'action'?"));
  CHECK_THAT(faults_in("seccomp = { deny = [\"execve\"] }"), Contains("'execve' can't be denied"));
  CHECK_THAT(faults_in("read_paths = [\"\"]"), Contains("'security.read_paths': an empty path"));
  CHECK_THAT(faults_in("write_paths = [1]"), Contains("expected a string, found an integer"));
  CHECK_THAT(faults_in("network = \"no\""), Contains("expected a boolean, found a string"));
  CHECK_THAT(
    faults_in("read_paths = []\noptional = [\"landlok\"]"),
    Contains("unknown feature 'landlok'; did you mean 'landlock'?"));
}

TEST_CASE("parts of a sandbox that contradict each other, or others, are faults", "[config]") {
  CHECK_THAT(
    faults_in("optional = [\"seccomp\"]"), Contains("'security.optional': 'seccomp' without 'security.seccomp'"));
  CHECK_THAT(
    faults_in("seccomp = \"default\"\noptional = [\"network\"]"), Contains("without 'security.network = false'"));
  CHECK_THAT(
    faults_in("network = false", "ready = { type = \"tcp\", address = \"127.0.0.1:80\" }\n"),
    Contains(
      "'ready.type' = \"tcp\" asks from outside, where nobody reaches a daemon with 'security.network' = false"));
  CHECK_THAT(
    faults_in("network = false", "ready = { type = \"http\", url = \"http://127.0.0.1/\" }\n"),
    Contains("'ready.type' = \"http\" asks from outside"));
  CHECK(faults_in("network = false", "ready = { type = \"tcp\", address = \"unix:/run/x\" }\n").empty());
  CHECK(faults_in(
          "network = false", "ready = { type = \"tcp\", address = \"127.0.0.1:80\" }\n"
                             "socket = [{ listen = \"127.0.0.1:80\" }]\n")
          .empty()); // the keeper holds that one, outside
  CHECK_THAT(
    faults_in("network = true", "[daemon.resources]\nlock_memory_required = true\n"),
    Contains("f.toml:5:24: 'resources.lock_memory_required' needs 'resources.lock_memory' = true"));
}

TEST_CASE("capabilities go by name, whatever the case") {
  CHECK(capability_name(21) == "CAP_SYS_ADMIN");
  CHECK(capability_name(99) == "capability 99");
  for (int number = 0; number < static_cast<int>(capability_names().size()); ++number)
    CHECK(capability_number(capability_name(number)) == number);
  CHECK(capability_number("Net_Raw") == 13);
  CHECK_FALSE(capability_number("CAP_"));
  CHECK_FALSE(capability_number(""));
}
