// Ways of using the kernel that cost without need, told from the figures of a trace.
#pragma once

#include "policies/trace.hpp"

namespace duende {

/// Thresholds, each documented in docs/tracing.md.
struct pattern_limits {
  std::uint64_t tight_calls = 1000; ///< the same call, arguments and result so often in a row
  double tight_rate = 2000;         ///< and so often a second
  double polls_rate = 100;          ///< polls that found nothing, a second
  double retries_rate = 1000;       ///< EAGAIN, sched_yield and very short sleeps, a second
  double lock_rate = 100;           ///< futex calls a second
  double lock_share = 0.1;          ///< of the time of one thread
  double churn_rate = 1000;         ///< mmap, munmap, brk and their like, a second
};

std::vector<trace_pattern> find_patterns(const trace_report& report, const pattern_limits& limits = {});

} // namespace duende
