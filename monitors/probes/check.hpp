// One health check, whatever its type.
#pragma once

#include "core/spec_policies.hpp"
#include "core/state.hpp"
#include "monitors/probes/probe.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <string>

namespace duende {

/// gRPC's standard health service (grpc.health.v1, github.com/grpc/grpc/blob/master/doc/health-checking.md) over HTTP/2 without
/// TLS: passes where the answer is SERVING. `address` as for TCP; an empty `service` asks about the whole server.
probe_ptr
start_grpc_probe(reactor& on, std::string address, std::string service, duration timeout, probe_callback done);

/// A question to code of this program, which may block: asked on a thread of its own.
class health_question {
public:
  explicit health_question(std::function<health_state()> ask) : ask_(std::move(ask)) {}

private:
  friend class call_attempt;
  std::function<health_state()> ask_;
  std::atomic<bool> busy_{false}; ///< the answer to the last one is still awaited, perhaps for ever: no second thread
};
using health_question_ptr = std::shared_ptr<health_question>;
/// Passes unless the answer is `unhealthy` or an exception; "degraded" is the text of that answer.
probe_ptr start_call_probe(reactor& on, health_question_ptr question, duration timeout, probe_callback done);

/// What a check can't get by itself.
struct check_means {
  exec_launcher launch;         ///< for exec
  health_question_ptr question; ///< for custom
};

/// `spec.timeout` bounds it. For notify there is no check: silence is its failure.
probe_ptr start_check(reactor& on, const health_spec& spec, const check_means& means, probe_callback done);

} // namespace duende
