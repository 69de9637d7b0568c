// A run of `duende top`: what it shows and what it waits for.
#pragma once

#include "apps/duende/context.hpp"
#include "apps/duende/node_feed.hpp"
#include "apps/duende/top_screen.hpp"
#include "apps/duende/top_signals.hpp"
#include "apps/duende/top_source.hpp"

#include <memory>
#include <string>
#include <vector>

namespace duende::cli {

class top_session {
public:
  explicit top_session(const context& c)
    : socket_(c.socket()), sampler_(socket_), actions_(socket_),
      feed_(std::make_unique<node_feed>(socket_, to_rfc3339(wall_now()))) {
    look_.utf8 = terminal_speaks_utf8();
    look_.colors = terminal_palette(c);
  }

  void begin_with(const top_look_at& first, const json& events) {
    take_events(events);
    take_look(first);
  }
  /// 0, or the number of the signal that ended it.
  int run();

private:
  void take_look(const top_look_at& look);
  void take_events(const json& events);
  void take_log();
  void measure();
  void say(std::string text, bool is_bad);
  void suspend();
  bool on_signal(int number);
  void on_key(key_press press);
  void on_tree_key(key_press press);
  void on_log_key(key_press press);
  void move_to(std::ptrdiff_t index, const std::vector<top_row>& rows);
  void fold(const std::vector<top_row>& rows, std::size_t at, bool close);
  void ask(const std::string& verb);
  void ask_about_all(const std::string& verb, int change = 0);
  void on_answer(key_press press);
  void give(const top_order& order);
  void open_log(const std::string& name);
  int milliseconds_left() const;
  bool draw_now() { return screen_.show(draw(model_, view_, look_), signals_.fd()); }

  std::string socket_;
  signal_source signals_;
  top_model model_;
  top_view view_;
  top_look look_;
  top_sampler sampler_;
  top_actions actions_;
  std::unique_ptr<node_feed> feed_;
  std::unique_ptr<top_log> log_;
  screen screen_;
  std::string input_;
  top_order asked_;           ///< while there is a question
  std::uint32_t present_ = 0; ///< instances when it was asked
  instant next_look_{}, message_until_{};
  int ended_by_ = 0;
  bool over_ = false;
};

} // namespace duende::cli
