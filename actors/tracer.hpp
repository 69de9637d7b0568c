// The syscall tracer of a node: one actor that knows what is traced and counts what was found. It does not exist until somebody
// traces; what a trace needs (BPF programs, libraries, debug information) is there as long as the trace.
#pragma once

#include "core/errc.hpp"
#include "core/uuid.hpp"
#include "monitors/tracer/session.hpp"

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include <array>
#include <atomic>
#include <memory>
#include <mutex>

namespace duende {

/// Since the node began, by anomaly_kind.
using anomaly_counts = std::array<std::uint64_t, anomaly_kind_count>;

/// A trace that goes on; letting it go ends it. Not thread-safe, for threads that may block.
class trace_run {
public:
  trace_run(std::unique_ptr<trace_session> session, std::shared_ptr<void> place, caf::actor counter);
  ~trace_run();
  trace_run(const trace_run&) = delete;
  trace_run& operator=(const trace_run&) = delete;

  duration interval() const { return session_->interval(); }
  /// To be called so often; false once it is over.
  bool tick() { return session_->tick(); }
  /// Once, at the end: the whole report.
  trace_report finish();

private:
  std::unique_ptr<trace_session> session_;
  std::shared_ptr<void> place_;
  caf::actor counter_;
};

/// Thread-safe.
class process_tracer {
public:
  static constexpr std::size_t most_traces = 4; ///< at a time, in the whole node

  explicit process_tracer(caf::actor_system& system);
  ~process_tracer();
  process_tracer(const process_tracer&) = delete;
  process_tracer& operator=(const process_tracer&) = delete;

  /// Begins at once. Blocks, some 100 ms at the first time: not for actors. Errors: wrong_state where it is traced already,
  /// limit_reached, unsupported where the machine allows no way of tracing.
  caf::expected<std::unique_ptr<trace_run>>
  begin(const uuid& id, const std::string& name, pid_t pid, const trace_options& how);

  anomaly_counts found() const;
  /// Ends the actor.
  void stop();

  struct shared; ///< with the actor

private:
  caf::actor handle();

  caf::actor_system& system_;
  std::shared_ptr<shared> shared_;
  std::mutex mutex_;
  caf::actor actor_; ///< guarded by mutex_
  bool stopped_ = false;
};

} // namespace duende
