// One trace, from its first tick to the report.
#pragma once

#include "policies/trace.hpp"
#include "policies/trace_anomalies.hpp"

#include <caf/expected.hpp>

#include <sys/types.h>

#include <functional>
#include <memory>

namespace duende {

struct trace_options {
  duration time = std::chrono::seconds{5};
  double z_score = default_z_score;
  bool exact = false;                 ///< every call counts, whatever that costs the daemon
  std::optional<trace_method> method; ///< none: BPF, and sampling where that does not work
};

/// Not thread-safe, blocks for some milliseconds at a time. Nothing goes on between the ticks but what the kernel counts.
class trace_session {
public:
  /// `on_anomaly` is called from within tick() when an anomaly begins.
  static caf::expected<std::unique_ptr<trace_session>>
  begin(pid_t pid, const trace_options& how, std::function<void(const trace_anomaly&)> on_anomaly);
  virtual ~trace_session() = default;

  /// How often tick() wants to be called.
  virtual duration interval() const = 0;
  /// False once the time is over or no process is left.
  virtual bool tick() = 0;
  /// Once, at the end.
  virtual trace_report finish() = 0;
};

/// One trace lasts so long at the most.
inline constexpr duration longest_trace = std::chrono::minutes{1}, shortest_trace = std::chrono::milliseconds{100};

} // namespace duende
