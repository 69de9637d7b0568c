// The exporter of a node: one actor that takes what is measured, printed and done to a collector over OTLP/HTTP. It is not there unless
// the configuration names a collector.
//
// What is to be exported becomes text where it happens and waits in a bounded queue; nobody who adds ever waits. The actor
// batches, sends, and tries again later what a collector did not take.
#pragma once

#include "core/otlp_spec.hpp"
#include "monitors/metrics/exposition.hpp"
#include "monitors/otlp/encode.hpp"
#include "monitors/otlp/queue.hpp"

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include <functional>
#include <memory>
#include <string>

namespace duende {

/// Thread-safe.
class exporter {
public:
  struct settings {
    otlp_spec spec;
    otlp_resource from;
    unix_nanos begun = 0; ///< since when counters count
    /// Calls the function once after the time, on a thread that must not be held up.
    std::function<void(duration, std::function<void()>)> after;
    /// What goes wrong and when it goes well again, a sentence each, once. Must not block.
    std::function<void(std::string)> tell;
    /// The figures as they are now; may block, on a thread of its own.
    std::function<metrics_input()> collect;
  };

  exporter(caf::actor_system& system, settings how);
  ~exporter();
  exporter(const exporter&) = delete;
  exporter& operator=(const exporter&) = delete;

  bool exports_logs() const;
  bool exports_traces() const;

  /// Dropped where spans are not exported, or the trace is not sampled.
  void record(const span& what);
  /// Dropped where lines are not exported.
  void record(const log_line& what);

  otlp_totals totals() const;

  /// From now on figures are collected, at once and then every interval, where they are to be exported.
  void start_collecting();
  /// No figures are collected from now on; waits for those being collected.
  void stop_collecting();
  /// Sends what waits as far as that goes within the time, then ends. Blocks; not for actors.
  void finish(duration at_most);

  struct shared; ///< with the actor

private:
  std::shared_ptr<shared> shared_;
};

} // namespace duende
