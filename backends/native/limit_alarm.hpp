// Hears from the kernel when a control group has used up what it may have.
#pragma once

#include "core/reactor.hpp"
#include "policies/limits.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace duende {

/// How often a limit was met since the last alarm.
struct limit_met {
  cgroup_controller which = cgroup_controller::memory; ///< or pids: the kernel reports no other
  std::uint64_t times = 0;
};

/// On the reactor's thread, which must not be held up.
using limit_handler = std::function<void(const limit_met&)>;

/// What is met first is told at once; what goes on, after 1 s, 2 s, up to once a minute, until it has been quiet for as long.
/// Source: the kernel's admin-guide/cgroup-v2.rst (memory.events, pids.events), cgroup-v1/memory.rst (9. OOM notification).
class limit_alarm {
public:
  explicit limit_alarm(reactor& io, limit_handler fn);
  ~limit_alarm(); ///< it may be told once more, where another thread is just about to
  limit_alarm(const limit_alarm&) = delete;
  limit_alarm& operator=(const limit_alarm&) = delete;

  /// `fresh`: the group was made for this life, so what has been counted before is news, too.
  /// False with errno set where the kernel has no such notice of that group.
  bool watch(cgroup_controller which, cgroup_version version, const std::string& folder, bool fresh);

private:
  struct source;
  reactor& io_;
  limit_handler fn_;
  std::vector<std::shared_ptr<source>> sources_;
};

} // namespace duende
