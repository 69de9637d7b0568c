// Follows the logs of a node on another machine: its files are not here, so its API is read.
#pragma once

#include "apps/duende/commands.hpp"
#include "apps/duende/log_view.hpp"

#include <map>
#include <set>
#include <string>
#include <utility>

namespace duende::cli {

/// Prints lines as they come, across restarts of the node and breaks of the connection. Where the lines carry time stamps, none
/// is missing and none comes twice; without them a break is told of.
class remote_logs {
public:
  /// `names`: of the daemons to show; `all`: these and whatever is added later.
  remote_logs(const context& c, const logs_options& options, std::set<std::string> names, bool all, view_options how);

  /// Until the node is gone for good; the exit code.
  int run();

private:
  /// How far one stream of one daemon has been shown.
  struct mark {
    std::string at;         ///< the stamp of the last line
    std::size_t shown = 0;  ///< lines with that stamp
    std::size_t passed = 0; ///< of these, how many came by again after a break
    bool repeats = false;   ///< what comes may have been shown before
    bool skipping = false;  ///< the line before was: its pieces are, too
  };

  std::string target(bool resumes) const;
  void take_line(std::string_view text);
  bool is_repeated(mark& where, const std::string& at) const;
  void begin_again();

  const context& context_;
  const logs_options& options_;
  std::set<std::string> names_;
  bool all_;
  bool as_json_;
  log_view view_;
  std::map<std::pair<std::string, std::string>, mark> marks_; ///< by daemon and stream
  std::string newest_;                                        ///< stamp
  std::string newest_at_break_;
  bool unstamped_ = false; ///< there are lines without stamps
};

} // namespace duende::cli
