// A process by its pidfd: no polling, no confusion with a later process of the same number.
#pragma once

#include "core/time.hpp"

#include <sys/types.h>

namespace duende::cli {

class process_handle {
public:
  /// Of a process that exists now; of none where there is none or `pid` is 0.
  explicit process_handle(pid_t pid);
  ~process_handle();
  process_handle(const process_handle&) = delete;
  process_handle& operator=(const process_handle&) = delete;

  /// For poll: readable once the process has ended. -1 for no process.
  int fd() const { return fd_; }
  /// True once it has ended; instant::max() waits for ever.
  bool wait_until(instant deadline) const;

private:
  int fd_ = -1;
};

} // namespace duende::cli
