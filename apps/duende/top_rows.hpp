// The table of `duende top`: which columns a width has room for, its heads and its rows. Pure functions.
#pragma once

#include "apps/duende/top_layout.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace duende::cli {

/// Columns by width: at 80 all of them with short sparklines, below that the less important ones go.
struct row_columns {
  std::size_t name = 0, spark = 0, note = 0;
  bool health = true, figures = true;
};

tone tone_of_state(std::string_view state);
/// Columns that the names take, with their marks.
std::size_t longest_name(const std::vector<top_row>& rows);
row_columns columns_for(std::size_t width, std::size_t longest);
std::string head_line(const row_columns& c, const top_look& look);
std::string row_line(
  const top_model& model, const top_row& row, const top_view& view, const row_columns& c, const top_look& look,
  bool chosen);

} // namespace duende::cli
