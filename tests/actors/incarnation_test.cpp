// Every message of an incarnation in every state: what it tells its supervisor, which signals it sends, how it ends.
#include "tests/support/catch.hpp"
#include "tests/support/one_life.hpp"

#include <algorithm>
#include <array>
#include <csignal>

using namespace duende;
using namespace duende::test;

namespace {

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
   {"KILL d, [stopping]", "KILL d, [stopping]", "KILL d, [stopping]", "KILL d, [stopping]", "KILL d", "KILL d",
    "KILL d"}},
  {"pause", [](auto& d) { d.send(pause_atom::value); }, {"", "", "STOP d", "", "", "", ""}},
  {"resume", [](auto& d) { d.send(resume_atom::value); }, {"", "", "", "CONT d", "", "", ""}},
  {"signal",
   [](auto& d) { d.send(signal_atom::value, SIGHUP); },
   {"", "HUP d", "HUP d", "HUP d", "HUP d", "HUP d", ""}},
  {"launched", [](auto& d) { d.launch(); }, {"[launched]", "", "", "", "", "", "TERM d"}},
  {"launched as another pid",
   [](auto& d) {
     d.send(launched{d.id, 7, 4712, 1});
   },
   {"[launched]", "[main_pid]", "[main_pid]", "[main_pid]", "TERM d", "TERM d", "TERM d"}},
  {"launch failure",
   [](auto& d) {
     d.send(launch_failure{d.id, 7, "no such file"});
   },
   {"end: no such file unlaunched", nullptr, "end: no such file unlaunched", "end: no such file unlaunched", nullptr,
    nullptr, "asked end: no such file unlaunched"}},
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
