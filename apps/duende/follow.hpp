// Shows what daemons write and what happens to them until told to stop. Reads the log files themselves, not the API: that
// costs the node nothing, and a crash of the node tears no gap and repeats no line.
#pragma once

#include "apps/duende/log_view.hpp"
#include "apps/duende/node_feed.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace duende::cli {

struct follow_options {
  view_options view;
  bool show_events = false;   ///< the important ones, between the lines
  bool take_newcomers = true; ///< daemons that are added later, too
};

class follow_session {
public:
  follow_session(const context& c, follow_options how);

  /// Where a daemon that is known beforehand is read from: the last `tail` lines (or all that is there) and what comes.
  void add(api::log_source source, std::optional<std::size_t> tail);
  log_view& view() { return view_; }

  /// Blocks until `stop` is called, or the node is gone for good (false). Needs `connect` for events and newcomers.
  bool run();
  /// The node answers now: begins to follow its events from the moment this object was made. Thread-safe against `run`.
  void connect();
  /// What was written until now is still shown, then `run` returns. Thread-safe.
  void stop();

private:
  void on_event(const json& event);
  void take_in(const std::string& name);
  bool show_lines();

  const context& context_;
  follow_options how_;
  std::string began_;
  log_view view_;
  api::log_follower follower_;
  std::mutex mutex_;
  std::unique_ptr<node_feed> feed_;
  api::wake_fd connected_, stop_;
};

} // namespace duende::cli
