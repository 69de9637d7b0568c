// How `duende top` looks: a pure function from what is known and the size of the terminal to lines.
#pragma once

#include "apps/duende/top_model.hpp"
#include "apps/duende/top_paint.hpp"

#include <deque>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace duende::cli {

struct top_log_line {
  std::string at, text; ///< harmless
  bool is_error = false;
};

/// What the user looks at.
struct top_view {
  enum class scene { tree, log, help } page = scene::tree;
  std::optional<top_row> selected;
  std::size_t offset = 0; ///< first row shown
  std::set<std::string> collapsed;
  std::string question; ///< "restart db? y/n"
  std::string message;
  bool message_is_bad = false;
  std::string trouble; ///< why the figures are old; empty while the node answers
  std::string log_name, log_trouble;
  std::deque<top_log_line> log;
  std::size_t log_back = 0; ///< lines between the last one shown and the newest; 0 follows
};

/// Exactly `look.height` lines of at most `look.width` columns. Scrolls `view` so that what is selected is in sight.
std::vector<std::string> draw(const top_model& model, top_view& view, const top_look& look);
/// The whole tree once, for a file or a pipe.
std::vector<std::string> draw_once(const top_model& model, const top_look& look);
/// Rows of daemons and supervisors that `draw` has room for.
std::size_t visible_rows(const top_look& look);

} // namespace duende::cli
