// Log lines and events of many daemons on one terminal.
#pragma once

#include "actors/api/log_follower.hpp"
#include "apps/duende/show.hpp"

#include <atomic>
#include <string>

namespace duende::cli {

struct view_options {
  bool colored = false;
  bool prefixed = true; ///< "name | " before each line
  bool stamped = false; ///< with the time stamps of the files
  bool as_json = false;
  std::string since; ///< in the form of the stamps: earlier lines are not shown; empty: all are
};

/// `say` may be called from any thread, the rest from one.
class log_view {
public:
  explicit log_view(view_options how) : how_(how) {}

  /// Makes the column of names wide enough, up to 24.
  void widen(std::string_view name);
  void show(const api::log_lines& lines);
  void show_event(const json& event);
  /// A line of duende itself.
  void say(std::string_view text);
  void line(const std::string& daemon, log_stream stream, std::string_view raw, bool timestamps);

private:
  void prefix(std::string& out, std::string_view name, color with) const;
  static void print(const std::string& text);

  view_options how_;
  std::atomic<std::size_t> width_ = 6;
};

} // namespace duende::cli
