// SIGHUP: the file is read again.
#pragma once

#include "actors/api/server.hpp"
#include "actors/control.hpp"

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace duende {

/// Applies the file again, on a thread of its own: a roll-out takes minutes, and the node listens to signals meanwhile. One at a
/// time; what is asked for during one is done once more after it.
class reloader {
public:
  reloader(control& controls, std::string file) : controls_(controls), file_(std::move(file)) {}
  /// Waits for what is under way; a node that stops answers that at once.
  ~reloader();
  reloader(const reloader&) = delete;
  reloader& operator=(const reloader&) = delete;

  /// Reads the file, takes certificate and tokens anew, and has what changed applied. What is wrong goes to stderr.
  void reload(api_server& api);

private:
  void run();

  control& controls_;
  std::string file_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<stack> wanted_;
  bool over_ = false;
  std::thread thread_;
};

} // namespace duende
