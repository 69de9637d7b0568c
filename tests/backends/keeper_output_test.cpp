// A process beside a daemon: it prints where the daemon does, and is of its own otherwise.
#include "tests/backends/keeper_fixture.hpp"

using namespace duende;
using namespace duende::test;

namespace {

launch_request beside(const uuid& daemon, const std::string& script) {
  auto request = shell(script);
  request.output_of = daemon;
  return request;
}

} // namespace

TEST_CASE("what runs beside a daemon prints into its pipe, ahead of its first start too", "[hooks]") {
  kept k;
  auto daemon = shell("echo daemon; exec sleep 1000");
  auto before = beside(daemon.id, "echo before");
  CHECK(k.run(before).status == 0);
  CHECK(k.output(daemon.id, 7) == "before\n");
  k.launch(daemon);
  CHECK(k.output(daemon.id, 7) == "daemon\n");
  auto meanwhile = beside(daemon.id, "echo meanwhile");
  CHECK(k.run(meanwhile).status == 0);
  CHECK(k.output(daemon.id, 10) == "meanwhile\n");
  { // no pipes of its own
    std::lock_guard lock{k.all.mutex};
    CHECK(k.all.channels.count(before.id) == 0);
    CHECK(k.all.channels.count(meanwhile.id) == 0);
  }
  k.link->forget(before.id);
  k.link->forget(meanwhile.id);
  k.link->signal(daemon.id, 1, SIGKILL, signal_scope::group);
  CHECK(WTERMSIG(await(k.all, &told::exits, daemon.id, 1).status) == SIGKILL);
  auto after = beside(daemon.id, "echo after");
  CHECK(k.run(after).status == 0);
  CHECK(k.output(daemon.id, 6) == "after\n");
  CHECK(k.all.copy(&told::refusals).empty());
}

TEST_CASE("a daemon's end does not end what runs beside it, nor the other way round", "[hooks]") {
  kept k;
  auto daemon = shell("exec sleep 1000");
  k.launch(daemon);
  auto hook = beside(daemon.id, "sleep 1000 & wait");
  k.launch(hook);
  k.link->signal(hook.id, 1, SIGKILL, signal_scope::group);
  CHECK(WTERMSIG(await(k.all, &told::exits, hook.id, 1).status) == SIGKILL);
  CHECK(k.all.count(&told::exits) == 1);
  auto other = beside(daemon.id, "sleep 1000 & wait");
  k.launch(other);
  k.link->signal(daemon.id, 1, SIGKILL, signal_scope::group);
  CHECK(WTERMSIG(await(k.all, &told::exits, daemon.id, 1).status) == SIGKILL);
  k.link->signal(other.id, 1, SIGTERM, signal_scope::group);
  CHECK(WTERMSIG(await(k.all, &told::exits, other.id, 1).status) == SIGTERM);
}
