// The keeper with few descriptors, with children that hang, and with requests that it can't read.
#include "tests/backends/keeper_fixture.hpp"

#include "backends/native/protocol.hpp"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

using namespace duende;
using namespace duende::test;

TEST_CASE("a keeper that holds more descriptors than a daemon may open starts it with its sockets") {
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit low{64, before.rlim_max}; // the keeper raises its own; this is what daemons get back
  REQUIRE(setrlimit(RLIMIT_NOFILE, &low) == 0);
  kept k;
  setrlimit(RLIMIT_NOFILE, &before);
  for (int i = 0; i < 40; ++i)
    k.launch(shell("exec sleep 1000"));
  auto request = shell("ulimit -Sn; echo $LISTEN_FDS; [ -S /proc/self/fd/3 ] && [ -p /proc/self/fd/9 ] && echo both");
  request.sockets = {
    {"unix:" + k.state.path + "/a.sock", "a"},
    {"unix:" + k.state.path + "/b.sock", "b"},
    {"unix:" + k.state.path + "/c.sock", "c"}};
  request.ready_fd = 9;
  k.run(request);
  CHECK(k.output(request.id, 10) == "64\n3\nboth\n");
  request.incarnation = 2;
  request.rlimits = {{RLIMIT_NOFILE, {32, 32}}};
  k.run(request);
  CHECK(k.output(request.id, 10) == "32\n3\nboth\n");
}

TEST_CASE("a start is not held up by one of the same batch that hangs before its exec") {
  kept k;
  auto hanging = hanging_start(k.state);
  kill(k.keeper, SIGSTOP); // so that it reads all of them at once
  std::vector<launch_request> others;
  for (int i = 0; i < 3; ++i)
    k.link->launch(others.emplace_back(shell("exec sleep 1000")));
  k.link->launch(hanging);
  kill(k.keeper, SIGCONT);
  for (auto& each : others)
    await(k.all, &told::launches, each.id, 1);
  k.link->signal(hanging.id, 1, SIGKILL, signal_scope::group);
  await(k.all, &told::exits, hanging.id, 1);
}

TEST_CASE("a start that does not reach the keeper in full is told of as that start") {
  kept k;
  auto large = shell("exit 3");
  large.env.push_back("LARGE=" + std::string(100'000, 'x')); // travels beside its announcement
  rlimit before{};
  REQUIRE(prlimit(k.keeper, RLIMIT_NOFILE, nullptr, &before) == 0);
  rlimit none{3, before.rlim_max};
  REQUIRE(prlimit(k.keeper, RLIMIT_NOFILE, &none, nullptr) == 0);
  CHECK(k.failure(large) == "Too many open files");
  REQUIRE(prlimit(k.keeper, RLIMIT_NOFILE, &before, nullptr) == 0);
  large.incarnation = 2;
  CHECK(WEXITSTATUS(k.run(large).status) == 3);
  // One that is large in another way.
  auto odd = shell("exit 3");
  odd.rlimits.assign(protocol::max_rlimits + 1, {RLIMIT_CORE, {0, 0}});
  CHECK(k.failure(odd) == "the keeper could not read the request");
}

TEST_CASE("a notify socket's file goes with its daemon") {
  kept k;
  auto request = shell("exit 0");
  request.notify_path = k.state.path + "/notify";
  k.run(request);
  CHECK(std::filesystem::exists(request.notify_path)); // for its next life
  k.link->forget(request.id);
  k.run(shell("exit 0"));
  CHECK(!std::filesystem::exists(request.notify_path));
}
