// Every message of an incarnation in every state: what it tells its supervisor, which signals it sends, how it ends.
#include "actors/child.hpp"
#include "actors/incarnation_state.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/scripted_node.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <array>
#include <csignal>

using namespace duende;
using namespace duende::test;

namespace {

constexpr const char* note_words[] = {"launched", "ready", "paused", "resumed", "stopping", "reloading", "status"};

/// One incarnation and what its supervisor sees of it.
class one_life {
public:
  explicit one_life(daemon_spec spec, std::function<void(incarnation_order&)> prepare = {}, bool deaf = true) {
    platform.of["d"].deaf = deaf;
    auto order = std::make_shared<incarnation_order>();
    order->spec = std::make_shared<const daemon_spec>(std::move(spec));
    order->id = uuid::random();
    id = order->id;
    order->number = 7;
    life_record record;
    record.name = "d";
    record.incarnation = 7;
    order->record = to_text(record);
    if (prepare)
      prepare(*order);
    id = order->id;
    platform.names[id] = "d";
    auto watching = [this, order](life_watcher::pointer self) -> life_watcher::behavior_type {
      self->set_down_handler([this](caf::down_msg& down) {
        ++ends;
        end = end_of(down.reason, platform.now);
      });
      auto spawned =
        self->spawn<caf::monitored>(incarnation, platform.with, order, caf::actor_cast<life_watcher>(self->ctrl()));
      life = caf::actor_cast<caf::actor>(spawned);
      return {
        [this](const life_note& note) {
          auto word = std::string{note_words[static_cast<int>(note.what)]};
          platform.log.push_back("[" + word + (note.text.empty() ? "" : " " + note.text) + "]");
        },
        [](const std::shared_ptr<supervisor_seed>&) {}};
    };
    watcher = platform.system->spawn(watching);
    platform.run();
  }
  ~one_life() {
    if (life)
      caf::anon_send_exit(life, caf::exit_reason::kill);
    caf::anon_send_exit(watcher, caf::exit_reason::kill);
    life = nullptr;
    watcher = nullptr;
    platform.run();
  }

  template <class... Ts>
  void send(Ts... message) {
    caf::anon_send(life, std::move(message)...);
    platform.run();
  }
  void launch() { send(launched{id, 7, 4711, 1}); }
  void notify(std::function<void(notify_message&)> fill) {
    notify_note note;
    fill(note.message);
    send(note);
  }
  void ready() {
    notify([](auto& m) { m.ready = true; });
  }
  void exit(int status) { send(process_exit{id, 7, 4711, status, {}, platform.now - 1s, platform.now, wall_now()}); }
  void change(bool stopped) { send(run_change{id, 7, stopped}); }
  /// What was done since the last call, the end included.
  std::string effects() {
    auto text = platform.done();
    if (ends != 0) {
      text += std::string{text.empty() ? "" : ", "} + (end.asked ? "asked end: " : "end: ") + to_string(end.reason);
      if (!end.launched)
        text += " unlaunched";
      if (end.was_ready)
        text += " was ready";
    }
    return text;
  }

  scripted_platform platform;
  caf::actor life;
  life_watcher watcher;
  uuid id;
  int ends = 0;
  life_end end;
};

enum class state { launching, starting, running, paused, stopping, stopping_unready, stopping_unlaunched };
constexpr state states[] = {
  state::launching,        state::starting,           state::running, state::paused, state::stopping,
  state::stopping_unready, state::stopping_unlaunched};
constexpr const char* state_words[] = {"launching",        "starting",           "running", "paused", "stopping",
                                       "stopping unready", "stopping unlaunched"};

void bring(one_life& d, state to) {
  if (to == state::stopping_unlaunched) {
    d.send(stop_atom::value, stop_order{});
  } else if (to != state::launching) {
    d.launch();
    if (to != state::starting && to != state::stopping_unready)
      d.ready();
    if (to == state::paused)
      d.change(true);
    if (to == state::stopping || to == state::stopping_unready)
      d.send(stop_atom::value, stop_order{});
  }
  d.platform.done();
}

struct row {
  const char* message;
  std::function<void(one_life&)> send;
  /// Effects in each of the states above, in their order.
  std::array<const char*, 7> effects;
};

const char* const killed = "end: killed by SIGSEGV";

const std::vector<row> table = {
  {"stop",
   [](auto& d) { d.send(stop_atom::value, stop_order{}); },
   {"[stopping]", "TERM d, [stopping]", "TERM d, [stopping]", "TERM d, CONT d, [stopping]", "", "", ""}},
  {"stop at once",
   [](auto& d) {
     d.send(stop_atom::value, stop_order{true, {}});
   },
   {"[stopping]", "KILL d, [stopping]", "KILL d, [stopping]", "KILL d, [stopping]", "KILL d", "KILL d", ""}},
  {"pause", [](auto& d) { d.send(pause_atom::value); }, {"", "", "STOP d", "", "", "", ""}},
  {"resume", [](auto& d) { d.send(resume_atom::value); }, {"", "", "", "CONT d", "", "", ""}},
  {"signal",
   [](auto& d) { d.send(signal_atom::value, SIGHUP); },
   {"", "HUP d", "HUP d", "HUP d", "HUP d", "HUP d", ""}},
  {"launched", [](auto& d) { d.launch(); }, {"[launched]", nullptr, "", "", nullptr, nullptr, "TERM d"}},
  {"launch failure",
   [](auto& d) {
     d.send(launch_failure{d.id, 7, "no such file"});
   },
   {"end: no such file unlaunched", nullptr, "", "", nullptr, nullptr, "asked end: no such file unlaunched"}},
  {"exit",
   [](auto& d) { d.exit(SIGSEGV); },
   {killed, killed, "end: killed by SIGSEGV was ready", "end: killed by SIGSEGV was ready",
    "asked end: killed by SIGSEGV was ready", "asked end: killed by SIGSEGV", "asked end: killed by SIGSEGV"}},
  {"stopped by somebody", [](auto& d) { d.change(true); }, {"", "", "[paused]", "", "CONT d", "CONT d", ""}},
  {"continued by somebody", [](auto& d) { d.change(false); }, {"", "", "", "[resumed]", "", "", ""}},
  {"a probe succeeds",
   [](auto& d) {
     d.send(probe_note{true, {}});
   },
   {"", "[ready]", "", "", "", "", ""}},
  {"a probe fails",
   [](auto& d) {
     d.send(probe_note{false, "refused"});
   },
   {"", "", "", "", "", "", ""}},
  {"READY=1", [](auto& d) { d.ready(); }, {"", "[ready]", "", "", "", "", ""}},
  {"STATUS",
   [](auto& d) { d.notify([](auto& m) { m.status = "busy"; }); },
   {"[status busy]", "[status busy]", "[status busy]", "[status busy]", "[status busy]", "[status busy]",
    "[status busy]"}},
  {"MAINPID",
   [](auto& d) { d.notify([](auto& m) { m.main_pid = 5; }); },
   {"mainpid5 d", "mainpid5 d", "mainpid5 d", "mainpid5 d", "mainpid5 d", "mainpid5 d", "mainpid5 d"}},
  {"RELOADING",
   [](auto& d) { d.notify([](auto& m) { m.reloading = true; }); },
   {"[reloading]", "[reloading]", "[reloading]", "[reloading]", "[reloading]", "[reloading]", "[reloading]"}},
  {"WATCHDOG=1", [](auto& d) { d.notify([](auto& m) { m.watchdog = true; }); }, {"", "", "", "", "", "", ""}},
  {"WATCHDOG=trigger",
   [](auto& d) { d.notify([](auto& m) { m.watchdog_trigger = true; }); },
   {"", "", "TERM d, [stopping]", "TERM d, CONT d, [stopping]", "", "", ""}},
  {"stale alarms",
   [](auto& d) {
     for (auto which : {alarm::ready_timeout, alarm::shutdown_timeout, alarm::watchdog})
       for (std::uint32_t generation : {998u, 999u})
         d.send(which, generation);
   },
   {"", "", "", "", "", "", ""}},
};

} // namespace

TEST_CASE("an incarnation answers every message in every state", "[incarnation]") {
  for (auto& row : table)
    for (auto in : states) {
      auto* expected = row.effects[static_cast<std::size_t>(in)];
      if (expected == nullptr)
        continue; // can't happen
      one_life d{notifying("d")};
      bring(d, in);
      INFO(row.message << " while " << state_words[static_cast<std::size_t>(in)]);
      row.send(d);
      // notes and signals go to different actors: their order is not promised
      auto sorted = [](std::string text) {
        std::vector<std::string> parts;
        for (std::size_t at = 0; at <= text.size();) {
          auto end = std::min(text.find(", ", at), text.size());
          parts.push_back(text.substr(at, end - at));
          at = end + 2;
        }
        std::sort(parts.begin(), parts.end());
        return parts;
      };
      CHECK(sorted(d.effects()) == sorted(expected));
    }
}

TEST_CASE("alarms of the present generation count, older ones do not", "[incarnation]") {
  one_life d{notifying("d")};
  SECTION("not ready in time: stopped, killed, and the reason is the time-out") {
    bring(d, state::starting);
    d.platform.advance(5s);
    CHECK(d.platform.done().find("TERM d") != std::string::npos);
    d.platform.advance(3s);
    CHECK(d.platform.done() == "KILL d");
    d.exit(SIGKILL);
    CHECK(d.effects() == "end: timed out: not ready within 5s");
  }
  SECTION("ready in time: the alarm is stale") {
    bring(d, state::running);
    d.platform.advance(1min);
    CHECK(d.effects().empty());
  }
  SECTION("ready at the same moment as the alarm") {
    bring(d, state::starting);
    notify_note note;
    note.message.ready = true;
    caf::anon_send(d.life, note);
    d.platform.advance(5s);
    CHECK(d.effects() == "[ready]");
  }
  SECTION("a stop that takes too long becomes SIGKILL, once") {
    bring(d, state::stopping);
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
  CHECK(d.effects() == "[launched], [ready]");
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
  CHECK(d.platform.done().find("[ready]") != std::string::npos);
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
