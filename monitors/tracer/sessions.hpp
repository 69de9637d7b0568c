// The ways to trace. Private to the tracer.
#pragma once

#include "monitors/tracer/session.hpp"

namespace duende {

caf::expected<std::unique_ptr<trace_session>>
begin_bpf(pid_t pid, const trace_options& how, std::function<void(const trace_anomaly&)> on_anomaly);
/// Looks at /proc/PID/task/TID/syscall again and again.
caf::expected<std::unique_ptr<trace_session>> begin_sampling(pid_t pid, const trace_options& how, std::string why);

} // namespace duende
