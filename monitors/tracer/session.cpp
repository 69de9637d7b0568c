#include "monitors/tracer/session.hpp"

#include "core/errc.hpp"
#include "monitors/tracer/sessions.hpp"

namespace duende {

caf::expected<std::unique_ptr<trace_session>>
trace_session::begin(pid_t pid, const trace_options& how, std::function<void(const trace_anomaly&)> on_anomaly) {
  if (how.method == trace_method::sampling)
    return begin_sampling(pid, how, {});
  auto best = begin_bpf(pid, how, std::move(on_anomaly));
  if (best || how.method == trace_method::bpf)
    return best;
  return begin_sampling(pid, how, sentence(best.error()));
}

} // namespace duende
