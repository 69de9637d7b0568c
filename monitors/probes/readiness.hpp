// Waits until a starting daemon is ready: attempt after attempt, until one succeeds.
#pragma once

#include "core/reactor.hpp"
#include "core/spec.hpp"
#include "monitors/probes/probe.hpp"

#include <memory>
#include <string>

namespace duende {

/// What readiness_watch can't get by itself.
struct readiness_means {
  exec_launcher launch; ///< for exec
  int fd = -1;          ///< for fd: the read end, owned from then on
};

/// tcp, http, exec: the first attempt at once, the next after 100 ms, growing by half up to 1 s between the end of one and the begin of
/// the next. fd: one wait. Nothing runs any more once it has told. Its own time limit is the caller's business: destroy it then.
class readiness_watch {
public:
  /// `done` is called at most once, on the reactor's thread: ok, or not ok where it never can become ready. May destroy the watch.
  /// The reactor must outlive the watch.
  readiness_watch(reactor& on, const readiness_spec& spec, readiness_means means, probe_callback done);
  /// Cancels, as destroying a probe does. Thread-safe.
  ~readiness_watch();
  readiness_watch(const readiness_watch&) = delete;
  readiness_watch& operator=(const readiness_watch&) = delete;

  /// True for the types that this class watches: tcp, http, exec, fd.
  static bool handles(readiness_type type);

  /// Why the latest attempt failed: "connect to 127.0.0.1:5433: Connection refused"; empty before. Thread-safe.
  std::string last_failure() const;

private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

/// The text for a start that took too long: "not ready within 30s", with ": LAST FAILURE" where there is one.
std::string not_ready_text(duration timeout, const std::string& last_failure);

} // namespace duende
