// The way of an incarnation through its states: alarms, early readiness, adoption, ends.
#include "tests/support/catch.hpp"
#include "tests/support/one_life.hpp"

#include <csignal>

using namespace duende;
using namespace duende::test;

TEST_CASE("alarms of the present generation count, older ones do not", "[incarnation]") {
  one_life d{notifying("d")};
  SECTION("not ready in time: stopped, killed, and the reason is the time-out") {
    d.launch();
    d.platform.done();
    d.platform.advance(5s);
    CHECK(d.platform.done().find("TERM d") != std::string::npos);
    d.platform.advance(3s);
    CHECK(d.platform.done() == "KILL d");
    d.exit(SIGKILL);
    CHECK(d.effects() == "end: timed out: not ready within 5s");
  }
  SECTION("ready in time: the alarm is stale") {
    d.launch();
    d.ready();
    d.platform.done();
    d.platform.advance(1min);
    CHECK(d.effects().empty());
  }
  SECTION("ready at the same moment as the alarm") {
    d.launch();
    d.platform.done();
    notify_note note;
    note.message.ready = true;
    caf::anon_send(d.life, note);
    d.platform.advance(5s);
    CHECK(d.effects() == "[ready]");
  }
  SECTION("a stop that takes too long becomes SIGKILL, once") {
    d.launch();
    d.ready();
    d.send(stop_atom::value, stop_order{});
    d.platform.done();
    d.platform.advance(2900ms);
    CHECK(d.effects().empty());
    d.platform.advance(1min);
    CHECK(d.platform.done() == "KILL d");
    d.exit(SIGKILL);
    CHECK(d.effects().find("did not stop within 3s") != std::string::npos);
    CHECK(d.end.asked);
  }
  SECTION("a stop before the launch is known goes to the process that comes") {
    d.send(stop_atom::value, stop_order{});
    d.platform.advance(10s);
    d.platform.done();
    d.launch();
    CHECK(d.platform.done() == "TERM d");
    d.platform.advance(3s);
    CHECK(d.platform.done() == "KILL d");
  }
  SECTION("an urgent stop before the launch is known, too") {
    d.send(stop_atom::value, stop_order{});
    d.send(stop_atom::value, stop_order{true, {}});
    d.platform.done();
    d.launch();
    CHECK(d.platform.done() == "KILL d");
  }
}

TEST_CASE("readiness that is faster than the word of the launch is kept", "[incarnation]") {
  one_life d{notifying("d")};
  SECTION("a notification") { d.ready(); }
  SECTION("a probe") { d.send(probe_note{true, {}}); }
  d.platform.done();
  d.launch();
  CHECK(d.effects() == "[up]");
  d.send(stop_atom::value, stop_order{});
  CHECK(d.effects().find("TERM d") != std::string::npos);
}

TEST_CASE("a pause that a stop has overtaken does not hold the stop up", "[incarnation]") {
  one_life d{notifying("d"), {}, false};
  d.ready();
  REQUIRE(d.platform.living.contains("d"));
  caf::anon_send(d.life, pause_atom::value);
  caf::anon_send(d.life, stop_atom::value, stop_order{});
  d.platform.run();
  CHECK(d.effects().find("asked end: killed by SIGTERM") != std::string::npos);
}

TEST_CASE("a daemon that is stopped while it starts is paused once it is ready", "[incarnation]") {
  one_life d{notifying("d")};
  d.launch();
  d.change(true);
  d.platform.done();
  d.ready();
  CHECK(d.platform.done() == "[ready], [paused]");
  d.send(resume_atom::value);
  CHECK(d.platform.done() == "CONT d");
}

TEST_CASE("a silent watchdog ends the daemon", "[incarnation]") {
  auto spec = daemon_named("d");
  spec.watchdog = watchdog_spec{1ns}; // over at once by any clock
  one_life d{spec};
  d.launch();
  CHECK(d.platform.done().find("[up]") != std::string::npos);
  SECTION("while it runs") {
    d.platform.advance(1ns);
    CHECK(d.platform.done().find("TERM d") != std::string::npos);
    d.exit(SIGTERM);
    CHECK(d.effects().find("no WATCHDOG=1 for") != std::string::npos);
    CHECK_FALSE(d.end.asked);
  }
  SECTION("but not while it is paused") {
    d.change(true);
    d.platform.done();
    d.platform.advance(100ns);
    CHECK(d.effects().empty());
    d.change(false);
    d.platform.advance(2ns);
    CHECK(d.platform.done().find("TERM d") != std::string::npos);
  }
}

TEST_CASE("a launch that can't be prepared is a failed start", "[incarnation]") {
  auto spec = daemon_named("d");
  spec.user = "nobody-of-that-name";
  one_life d{spec};
  CHECK(d.ends == 1);
  CHECK(d.end.reason.cause == exit_cause::spawn);
  CHECK_THAT(d.end.reason.detail, Contains("cannot set user 'nobody-of-that-name': no such user"));
}

TEST_CASE("an adopted process goes on in the state it was found in", "[incarnation]") {
  struct row {
    bool ready, stopped;
    const char *adopted, *paused, *resumed;
  };
  const row rows[] = {
    {true, false, "adopt d", "STOP d", ""},
    {true, true, "adopt d", "", "CONT d"},
    {false, false, "adopt d, [launched]", "", ""},
  };
  for (auto& row : rows) {
    INFO("ready " << row.ready << ", stopped " << row.stopped);
    one_life d{notifying("d"), [&](incarnation_order& order) {
                 order.adopted = launched{order.id, 7, 4711, 1};
                 order.adopted_ready = row.ready;
                 order.adopted_stopped = row.stopped;
                 order.adopted_started_at = monotonic_now() - 1h;
               }};
    CHECK(d.effects() == row.adopted);
    d.send(pause_atom::value);
    CHECK(d.platform.done() == (row.ready ? row.paused : ""));
    d.send(resume_atom::value);
    CHECK(d.platform.done() == row.resumed);
    d.exit(exit_code(3));
    CHECK(d.end.reason == exit_reason::code(3));
    CHECK(d.end.was_ready == row.ready);
  }
}

TEST_CASE("the end of an incarnation survives its error", "[incarnation]") {
  life_end end;
  end.reason = exit_reason::signal(SIGSEGV, true);
  end.asked = end.launched = true;
  auto back = end_of(as_error(end), instant{});
  CHECK(back.reason == end.reason);
  CHECK(back.asked);
  auto foreign = end_of(caf::make_error(caf::sec::runtime_error, "boom"), instant{5s});
  CHECK(foreign.reason.cause == exit_cause::code);
  CHECK(foreign.reason.value == 1);
  CHECK(end_of({}, instant{}).reason == exit_reason::graceful());
}
