// Follows the logs of many daemons at once: one inotify descriptor, nothing to do while nobody writes.
#pragma once

#include "actors/api/log_reader.hpp"

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace duende::api {

/// One daemon's logs.
struct log_source {
  std::string daemon;
  std::string dir; ///< need not exist yet
  bool timestamps = true;
};

/// Whole lines of one stream, each ended by a newline.
struct log_lines {
  const log_source& source;
  log_stream stream;
  std::string_view text;
  bool lost = false; ///< lines before these were rotated away unread
};

/// Not thread-safe.
class log_follower {
public:
  log_follower();
  ~log_follower();
  log_follower(const log_follower&) = delete;
  log_follower& operator=(const log_follower&) = delete;

  /// For poll; -1 where the system has no inotify instance left.
  int fd() const { return fd_; }
  /// Begins before the last `tail` lines (0: with what comes from now on), or at the beginning. A name that is known is ignored.
  void add(log_source source, std::optional<std::size_t> tail);
  /// The same from where two readers of its streams are.
  void add(log_source source, log_reader out, log_reader err);
  bool knows(const std::string& daemon) const { return known_.contains(daemon); }

  /// Hands out at most 256 KiB of each stream that has something. False once `on_lines` returned false.
  bool pump(const std::function<bool(const log_lines&)>& on_lines);
  /// Whether `pump` has more to do before `fd` is worth waiting for.
  bool pending() const { return !dirty_.empty(); }

private:
  struct followed {
    log_source source;
    log_reader out, err;
    bool dirty = true;
  };

  void take_notices();
  void mark(std::size_t index);
  void watch(std::size_t index);
  bool read_some(followed& from, const std::function<bool(const log_lines&)>& on_lines, bool& more);

  int fd_;
  std::deque<followed> all_;
  std::unordered_map<std::string, std::size_t> known_;
  std::vector<std::size_t> dirty_;
  std::unordered_map<int, std::vector<std::size_t>> watched_; ///< by watch descriptor: whose folder it is
  std::unordered_map<int, std::string> parents_;              ///< folders in which one is awaited
  std::multimap<std::string, std::size_t> awaited_;           ///< the first missing folder on the way: who waits for it
};

} // namespace duende::api
