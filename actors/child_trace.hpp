// Which operations a daemon's starts and stops are part of.
#pragma once

#include "core/time.hpp"
#include "core/trace_context.hpp"

namespace duende {

/// Of a child that is traced. Times are nanoseconds since 1970; 0: nothing of the kind is under way.
struct child_trace {
  trace_ptr cause;   ///< what asked for the next start, or for the stop under way
  trace_ptr life;    ///< the start of this life, of which its process is told
  trace_ptr parent;  ///< of `life`; null: it began a trace
  trace_ptr restart; ///< from an end until it runs again
  trace_ptr before;  ///< the life that ended so
  std::int64_t start_begun = 0, stop_begun = 0, restart_begun = 0;
};

} // namespace duende
