// The events of a node, as they come, across its restarts: none twice, none missing.
#pragma once

#include "actors/api/wake_fd.hpp"
#include "apps/duende/client.hpp"

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace duende::cli {

class node_feed {
public:
  /// Events after `since` (RFC 3339).
  node_feed(std::string socket, std::string since);
  ~node_feed();

  /// For poll: readable when `take` has something.
  int fd() const { return wake_.fd(); }
  std::vector<json> take();
  /// The node answered nothing for so long that it must be gone for good.
  bool lost() const { return lost_; }

private:
  void run();

  std::string socket_, since_;
  api::wake_fd wake_, stop_;
  client client_;
  std::mutex mutex_;
  std::vector<json> events_;
  std::atomic<bool> stopping_ = false, lost_ = false;
  std::thread thread_;
};

} // namespace duende::cli
