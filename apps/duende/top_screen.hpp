// The terminal of `duende top`: raw input, the alternate screen, and both given back on every way out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace duende::cli {

enum class key { character, up, down, left, right, page_up, page_down, home, end, enter, escape };

struct key_press {
  key what = key::character;
  char code = 0; ///< where `what` is a character: ASCII, others are left out
};

/// Takes complete keys off `input`. A lone ESC at the end may be the begin of a sequence: it is a key only with `all`.
std::vector<key_press> take_keys(std::string& input, bool all);

/// One at a time: fatal signals restore the terminal through it, too.
class screen {
public:
  screen() = default;
  ~screen() { leave(); }
  screen(const screen&) = delete;
  screen& operator=(const screen&) = delete;

  /// False where there is no terminal to use.
  bool enter();
  void leave();
  struct extent {
    std::size_t width = 80, height = 24;
  };
  static extent size();
  /// Draws what differs from what is there; gives up where the terminal takes nothing and `wake_fd` is readable. False once
  /// the terminal is gone.
  bool show(const std::vector<std::string>& lines, int wake_fd);
  /// What is there is not known any more.
  void forget() { shown_.clear(); }

private:
  std::vector<std::string> shown_;
  bool entered_ = false;
};

} // namespace duende::cli
