// One node per name and user: a lock in the node's run folder that dies with its holder.
#pragma once

#include "core/errc.hpp"

#include <string>

#include <sys/types.h>

namespace duende {

/// Holds `<folder of the socket>/node.lock` by flock(2). The file holds the pid of the holder and stays when it ends.
class node_lock {
public:
  /// Creates the folder (0700) where it is missing. Waits up to a second for a holder that is just ending.
  /// Errors: already_exists "a node named 'x' already runs (pid 17) on /run/.../api.sock", io_failure.
  static caf::expected<node_lock> acquire(const std::string& node, const std::string& socket_path);

  /// The pid of who holds the lock beside `socket_path`; 0 where nobody does.
  static pid_t holder(const std::string& socket_path);

  node_lock(node_lock&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  node_lock& operator=(node_lock&& other) noexcept;
  ~node_lock();

private:
  explicit node_lock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

} // namespace duende
