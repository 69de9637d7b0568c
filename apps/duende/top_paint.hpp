// Lines in colours for `duende top`.
#pragma once

#include "apps/duende/context.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace duende::cli {

/// What the terminal can show.
struct top_look {
  std::size_t width = 80, height = 24;
  bool utf8 = true;
  enum class palette { none, basic, many } colors = palette::none;
};

/// By $LC_ALL, $LC_CTYPE or $LANG.
bool terminal_speaks_utf8();
/// None where colours are not wanted or stdout is no terminal; many by $TERM or $COLORTERM.
top_look::palette terminal_palette(const context& c);

enum class tone { plain, dim, bold, good, warn, bad, calm, cpu, memory, brand, key };

/// A line of pieces in several tones on one ground, never wider than the terminal.
class painted {
public:
  enum class ground { none, chosen, bar };
  explicit painted(const top_look& look, ground on = ground::none) : look_(look), ground_(on) {}

  painted& add(std::string_view text, tone with = tone::plain);
  /// Blanks up to column `to`.
  painted& to(std::size_t column) { return used_ < column ? add(std::string(column - used_, ' ')) : *this; }
  std::size_t used() const { return used_; }
  std::string done();

private:
  std::string_view base() const;
  std::string_view codes(tone with) const;

  const top_look& look_;
  ground ground_;
  std::string out_;
  std::size_t used_ = 0;
};

} // namespace duende::cli
