// Output for people: width, colours, tables.
#pragma once

#include "apps/duende/context.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace duende::cli {

enum class color { none, red, green, yellow, blue, magenta, cyan, dim, bold };

/// Columns of the terminal behind stdout; a very large number where there is none.
std::size_t terminal_width();
/// On a terminal, without --no-color and without $NO_COLOR (no-color.org: set and not empty).
bool use_color(const context& c, int fd = 1);
std::string paint(std::string_view text, color with, bool enabled);
color color_of_state(std::string_view state);
/// Columns that `text` takes: code points, close enough for names and sentences.
std::size_t display_width(std::string_view text);
/// At most `width` columns, the last one a "…" where something was cut.
std::string shorten(std::string_view text, std::size_t width);

struct cell {
  std::string text;
  color with = color::none;
  bool right = false;
};

/// Left-aligned columns two blanks apart. The last column is cut to the width of the terminal.
class table {
public:
  explicit table(std::vector<std::string> head) : head_(std::move(head)) {}
  void add(std::vector<cell> row) { rows_.push_back(std::move(row)); }
  std::string render(std::size_t width, bool colored) const;

private:
  std::vector<std::string> head_;
  std::vector<std::vector<cell>> rows_;
};

} // namespace duende::cli
