// One incarnation on a scripted platform, and what its supervisor sees of it.
#pragma once

#include "actors/child.hpp"
#include "actors/incarnation_state.hpp"
#include "actors/life_record.hpp"
#include "tests/support/scripted_node.hpp"

#include <caf/send.hpp>

namespace duende::test {

inline constexpr const char* note_words[] = {"launched",  "up",     "ready",  "paused",       "resumed",  "stopping",
                                             "reloading", "status", "health", "post_started", "reloaded", "main_pid"};

/// The supervisor is a listener that writes notes down in the platform's log, as [words].
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
      return {[this](const life_note& note) {
        auto word = std::string{note_words[static_cast<int>(note.what)]};
        platform.log.push_back("[" + word + (note.text.empty() ? "" : " " + note.text) + "]");
      }};
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

} // namespace duende::test
