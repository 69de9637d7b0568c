// Hooks in the life of one daemon: what runs when, and what ends what.
#include "tests/support/catch.hpp"
#include "tests/support/one_life.hpp"

#include <csignal>

using namespace duende;
using namespace duende::test;

namespace {

hook_command slow(duration timeout = 2s) { return {{"/bin/true"}, timeout}; }

daemon_spec hooked(std::function<void(hook_spec&)> fill) {
  daemon_spec spec;
  spec.name = "d";
  spec.binary_path = "/bin/true";
  spec.shutdown_timeout = 3s;
  fill(spec.hooks.obtain());
  return spec;
}

} // namespace

TEST_CASE("pre_start comes before the launch, one after another", "[hooks]") {
  one_life d{hooked([](auto& h) { h.pre_start = {slow(), slow()}; })};
  CHECK(d.effects() == "launch pre_start");
  d.platform.exit("pre_start", 0);
  d.platform.run();
  CHECK(d.effects() == "forget pre_start, launch pre_start");
  SECTION("then the daemon starts") {
    d.platform.exit("pre_start", 0);
    d.platform.run();
    CHECK(d.effects() == "forget pre_start, launch d");
    d.launch();
    CHECK(d.effects() == "[up]");
  }
  SECTION("a failing one is a failed start") {
    d.platform.exit("pre_start", exit_code(7));
    d.platform.run();
    CHECK(d.effects() == "forget pre_start, end: pre_start '/bin/true': exited with code 7 unlaunched");
    CHECK(d.end.reason.cause == exit_cause::spawn);
  }
  SECTION("a hanging one is killed, and is a failed start") {
    d.platform.advance(2s);
    CHECK(d.effects() == "KILL pre_start, forget pre_start, end: pre_start '/bin/true': timed out after 2s unlaunched");
  }
  SECTION("a stop asks it to end") {
    d.platform.of["pre_start"].ignores_stop = true;
    d.send(stop_atom::value, stop_order{});
    CHECK(d.effects() == "[stopping], TERM pre_start");
    d.platform.advance(2s); // its own time is over first
    CHECK(d.effects() == "KILL pre_start, forget pre_start, asked end: stopped during pre_start unlaunched");
  }
}

TEST_CASE("post_start follows readiness, once", "[hooks]") {
  one_life d{hooked([](auto& h) { h.post_start = {slow()}; })};
  d.launch();
  CHECK(d.effects() == "launch d, [up], launch post_start");
  SECTION("its success is written down") {
    d.platform.exit("post_start", 0);
    d.platform.run();
    CHECK(d.effects() == "forget post_start, [post_started]");
  }
  SECTION("its failure ends nothing") {
    d.platform.exit("post_start", exit_code(1));
    d.platform.run();
    CHECK(d.ends == 0);
    CHECK_THAT(d.platform.events(), Contains("policy d: post_start '/bin/true': exited with code 1"));
  }
  SECTION("a stop ends it first") {
    d.send(stop_atom::value, stop_order{});
    CHECK(d.effects() == "[stopping], KILL post_start, forget post_start, TERM d");
  }
  SECTION("the daemon's end ends it") {
    d.exit(exit_code(3));
    CHECK(d.effects().rfind("[stopping], KILL post_start, forget post_start, end: exited with code 3", 0) == 0);
  }
  SECTION("a reload has to wait for it") {
    d.send(reload_atom::value);
    CHECK(d.effects() == "[reloaded another of its hooks runs]");
  }
}

TEST_CASE("pre_stop comes before the stop signal, no longer than its time", "[hooks]") {
  one_life d{hooked([](auto& h) {
    h.pre_stop = {slow(), slow()};
    h.post_stop = {slow()};
  })};
  d.launch();
  d.effects();
  d.send(stop_atom::value, stop_order{});
  CHECK(d.effects() == "[stopping], launch pre_stop");
  SECTION("both, whatever becomes of the first") {
    d.platform.exit("pre_stop", exit_code(1));
    d.platform.run();
    CHECK(d.effects() == "forget pre_stop, launch pre_stop");
    d.platform.advance(2s);
    CHECK(d.effects() == "KILL pre_stop, forget pre_stop, TERM d");
    d.exit(SIGTERM);
    CHECK(d.effects() == "[stopping], launch post_stop");
    d.platform.exit("post_stop", exit_code(1));
    d.platform.run();
    CHECK(d.effects() == "forget post_stop, asked end: killed by SIGTERM was ready");
  }
  SECTION("a kill does not wait for it") {
    d.send(stop_atom::value, stop_order{true, {}});
    CHECK(d.effects() == "KILL pre_stop, KILL d, forget pre_stop");
    d.exit(SIGKILL);
    CHECK(d.effects() == "[stopping], launch post_stop");
  }
  SECTION("an end meanwhile makes it pointless") {
    d.exit(0);
    CHECK(d.effects() == "[stopping], KILL pre_stop, forget pre_stop, launch post_stop");
    d.send(stop_atom::value, stop_order{true, {}});
    CHECK(d.effects().rfind("KILL post_stop, forget post_stop, asked end: exited cleanly", 0) == 0);
  }
}

TEST_CASE("what is adopted goes on where it was", "[hooks]") {
  auto adopted = [](bool post_started) {
    return [=](incarnation_order& order) {
      order.adopted = launched{order.id, 7, 4711, 1};
      order.adopted_ready = true;
      order.adopted_post_started = post_started;
    };
  };
  auto spec = hooked([](auto& h) { h.post_start = {slow()}; });
  SECTION("post_start was on its way") {
    one_life d{spec, [&](auto& order) { adopted(false)(order); }};
    CHECK_THAT(d.effects(), Contains("launch post_start"));
  }
  SECTION("post_start was through") {
    one_life d{spec, [&](auto& order) { adopted(true)(order); }};
    CHECK(d.effects().find("launch post_start") == std::string::npos);
  }
}
