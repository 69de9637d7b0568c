// Daemons inside your own program: derive from duende::daemon, override run().
#pragma once

#include "core/errc.hpp"
#include "core/exit_reason.hpp"
#include "core/spec.hpp"
#include "core/status.hpp"
#include "core/trace_context.hpp"

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace duende {

using health_status = health_state;

/// What a daemon is told about itself.
struct daemon_config {
  std::string name;
  std::map<std::string, std::string> env; ///< `env` of its options: its settings
  duration shutdown_timeout{};            ///< how long it may take to end
  std::uint32_t incarnation = 1;          ///< 1, plus one for each restart
};

/// Signals as a daemon inside a program gets them: by `duende kill` and `duende reload`, not from the kernel.
enum class daemon_signal : int {
  hup = SIGHUP,
  interrupt = SIGINT,
  quit = SIGQUIT,
  usr1 = SIGUSR1,
  usr2 = SIGUSR2,
  term = SIGTERM
};

/// The daemon's side of its supervision. All members are thread-safe.
class daemon_context {
public:
  /// Sleeps for `time`, less where a signal arrives. False once shutdown was asked for, then at once. Asks the daemon's
  /// health_check() first.
  bool wait_for(duration time);
  /// False once shutdown was asked for.
  bool running() const;
  /// The oldest signal not yet taken; none where there is none. At most 64 are kept, later ones are dropped.
  std::optional<daemon_signal> next_signal();

  /// The operation that started this incarnation, as W3C Trace Context has it: pass it on with to_traceparent(). Null where it belongs
  /// to no trace. What run() asks of controls() on its own thread is part of it by itself (see trace_scope).
  const trace_ptr& trace() const { return trace_; }

  // For the incarnation.
  void belongs_to(trace_ptr operation) { trace_ = std::move(operation); }
  void request_stop();
  void deliver(int signal_number);
  /// Calls `ask` whenever the daemon waits, and `tell` where its answer is another one than before. At first it is healthy.
  void watch_health(std::function<health_status()> ask, std::function<void(health_status)> tell);

private:
  void ask_health();

  static constexpr std::size_t max_signals = 64;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<int> signals_;
  std::function<health_status()> ask_;
  std::function<void(health_status)> tell_;
  health_status health_ = health_state::healthy;
  bool stop_ = false;
  trace_ptr trace_; ///< constant once it runs
};

/// RED figures (rate, errors, duration), shown by /metrics. They go on over restarts. Thread-safe.
class daemon_metrics_recorder {
public:
  void record_request(duration took);
  void record_error();
  void add_to(daemon_counters& counters) const;

private:
  mutable std::mutex mutex_;
  std::uint64_t requests_ = 0, errors_ = 0;
  histogram seconds_;
};

/// A supervised part of your program with a thread of its own. init, run and shutdown are called on that thread, in this order,
/// health_check within run. An error, an exception or a run() that outlives shutdown_timeout is a failure with its text: the
/// supervisor decides what follows, the program goes on.
class daemon {
public:
  virtual ~daemon() = default;

  /// Prepares; an error is a failed start. The default does nothing.
  virtual caf::expected<void> init(const daemon_config& config);
  /// Works until context.wait_for() or context.running() says false, then returns. exit_reason::graceful() is success.
  virtual caf::expected<exit_reason> run(daemon_context& context) = 0;
  /// Cleans up after run() has returned; `timeout` is what is left of shutdown_timeout. The default does nothing.
  virtual caf::expected<void> shutdown(std::chrono::milliseconds timeout);
  /// How it is, in its own judgement: shown as its health, and each change is an event; nothing else follows from it. Asked by
  /// whoever calls context.wait_for(), before it sleeps; a run() that never waits is never asked. Must return soon and be
  /// thread-safe: later versions ask from other threads, too. What it throws comes out of wait_for(). The default is healthy.
  virtual health_status health_check() const { return health_state::healthy; }

  // For the incarnation: figures outlive one daemon object.
  void attach(std::shared_ptr<daemon_metrics_recorder> recorder) { recorder_ = std::move(recorder); }

protected:
  daemon_metrics_recorder& metrics();

private:
  std::shared_ptr<daemon_metrics_recorder> recorder_;
};

} // namespace duende
