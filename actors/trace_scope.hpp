// Which operation a thread works for: what it asks of a node within a scope becomes part of that trace.
#pragma once

#include "core/trace_context.hpp"

namespace duende {

/// Of this thread's innermost scope; null where there is none.
const trace_ptr& current_trace();

/// From here to the end of the block this thread works for `operation` (null: for none).
class trace_scope {
public:
  explicit trace_scope(trace_ptr operation);
  ~trace_scope();
  trace_scope(const trace_scope&) = delete;
  trace_scope& operator=(const trace_scope&) = delete;

private:
  trace_ptr before_;
};

} // namespace duende
