// Waits for a node that is to come back: by what happens to its socket (inotify(7)), not by trying again and again.
#pragma once

#include "core/time.hpp"

#include <string>

namespace duende::cli {

/// Between two questions to a node elsewhere: nothing here tells what becomes of it.
inline constexpr duration remote_pause = std::chrono::seconds{1};

class node_return {
public:
  /// Notes from now on what happens at `socket`.
  explicit node_return(const std::string& socket);
  ~node_return();
  node_return(const node_return&) = delete;
  node_return& operator=(const node_return&) = delete;

  /// True as soon as the socket was made anew since the last call; it may take one more call until it answers. False where
  /// `limit` is over or `stop_fd` became readable. Where nothing tells (no inotify left, a node behind a URL) true after a pause, and
  /// false once `limit` is over with nothing but such calls.
  bool wait(duration limit, int stop_fd = -1);

private:
  bool seen();

  std::string name_;
  int fd_ = -1;
  duration pause_;
  instant first_{}, last_{}; ///< of the calls in a row that could only pause
};

} // namespace duende::cli
