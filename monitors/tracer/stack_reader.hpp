// Stacks of other processes, as they were at a system call, with functions and source lines.
#pragma once

#include "monitors/tracer/shared.h"
#include "policies/trace.hpp"

#include <caf/expected.hpp>

#include <sys/types.h>

#include <memory>
#include <vector>

namespace duende {

/// Unwinds by the call frame information that programs carry, so they need no frame pointers; names come from their symbols, lines
/// from their debug information, if they have it. By libdwfl of elfutils, loaded when first needed. Not thread-safe.
class stack_reader {
public:
  static constexpr std::size_t most_frames = 48;

  /// Errors: unsupported, with how to get it.
  static caf::expected<std::unique_ptr<stack_reader>> open();
  ~stack_reader();
  stack_reader(const stack_reader&) = delete;
  stack_reader& operator=(const stack_reader&) = delete;

  /// Innermost first; empty where the process has ended before it was first asked about.
  std::vector<stack_frame> read(const trace_sample& sample);

private:
  struct impl;
  explicit stack_reader(std::unique_ptr<impl> with);
  std::unique_ptr<impl> impl_;
};

} // namespace duende
