// Spans of what becomes of daemons: start until ready, restart, stop, health. A daemon has none of this where nothing is exported and
// whoever started it named no trace.
#include "actors/exporter.hpp"
#include "actors/supervisor.hpp"

namespace duende {
namespace {

/// Supervisors have no spans, and actors may be 100,000s.
bool is_traced(const child& c) { return c.kind == child_kind::process || c.kind == child_kind::thread; }

otlp_attributes attributes_of(const child& c, const std::string& supervisor) {
  otlp_attributes result{
    {"daemon", c.name},
    {"supervisor", supervisor},
    {"backend", std::string{backend_name(c.kind)}},
    {"incarnation", static_cast<std::int64_t>(c.incarnation)}};
  if (c.pid != 0)
    result.emplace_back("process.pid", static_cast<std::int64_t>(c.pid));
  return result;
}

span span_of(std::string_view what, const child& c, const std::string& supervisor, const trace_ptr& parent) {
  span result;
  result.name = fmt::format("{} {}", what, c.name);
  if (parent)
    result.parent = parent->span_id;
  result.end = unix_nanos_now();
  result.attributes = attributes_of(c, supervisor);
  return result;
}

} // namespace

bool supervisor::exports_spans() const { return with_->exports != nullptr && with_->exports->exports_traces(); }

/// The next start, or the stop that follows, is part of that; null: of nothing.
void supervisor::caused_by(child& c, const trace_ptr& operation) {
  if (operation) {
    auto& held = c.detail().trace;
    if (!held)
      held = std::make_unique<child_trace>();
    held->cause = operation;
  } else if (c.more && c.more->trace) {
    c.more->trace->cause.reset();
  }
}

/// What this life is told; null: it belongs to none.
trace_ptr supervisor::trace_of(const child& c) const { return c.more && c.more->trace ? c.more->trace->life : nullptr; }

void supervisor::trace_start(child& c) {
  if (!is_traced(c))
    return;
  auto& held = c.detail().trace;
  auto cause = !held ? nullptr : held->cause ? std::exchange(held->cause, nullptr) : held->restart;
  if (!cause && !exports_spans()) {
    held.reset();
    return;
  }
  if (!held)
    held = std::make_unique<child_trace>();
  held->life = std::make_shared<const trace_context>(child_of(cause));
  held->parent = std::move(cause);
  held->start_begun = unix_nanos_now();
}

/// It runs, or (`failure`) its start has come to nothing.
void supervisor::trace_started(child& c, std::optional<std::string> failure) {
  auto* held = c.more ? c.more->trace.get() : nullptr;
  if (held == nullptr || !exports_spans())
    return;
  if (held->start_begun != 0) {
    auto start = span_of("start", c, spec_.name, held->parent);
    start.context = *held->life;
    start.begin = std::exchange(held->start_begun, 0);
    start.failure = failure;
    with_->exports->record(start);
  }
  if (!failure)
    trace_restarted(c, std::nullopt);
}

/// It has ended, and starts again.
void supervisor::trace_restart(child& c) {
  if (!exports_spans() || !is_traced(c))
    return;
  auto& held = c.detail().trace;
  if (!held)
    held = std::make_unique<child_trace>();
  held->cause.reset();
  if (held->restart)
    return; // one after another until it runs
  held->restart = std::make_shared<const trace_context>(new_trace());
  held->restart_begun = unix_nanos_now();
  held->before = std::exchange(held->life, nullptr);
}

void supervisor::trace_restarted(child& c, std::optional<std::string> failure) {
  auto* held = c.more ? c.more->trace.get() : nullptr;
  if (held == nullptr || !held->restart)
    return;
  auto restart = span_of("restart", c, spec_.name, nullptr);
  restart.context = *std::exchange(held->restart, nullptr);
  restart.begin = held->restart_begun;
  restart.failure = std::move(failure);
  restart.link = std::exchange(held->before, nullptr);
  if (c.more->last)
    restart.attributes.emplace_back("last_exit", c.more->last->text);
  if (exports_spans())
    with_->exports->record(restart);
}

void supervisor::trace_stop(child& c) {
  if (!exports_spans() || !is_traced(c))
    return;
  auto& held = c.detail().trace;
  if (!held)
    held = std::make_unique<child_trace>();
  if (held->stop_begun == 0)
    held->stop_begun = unix_nanos_now();
}

void supervisor::trace_end(child& c, const life_end& end) {
  auto* held = c.more ? c.more->trace.get() : nullptr;
  if (held == nullptr || !exports_spans())
    return;
  if (held->start_begun != 0)
    trace_started(c, to_string(end.reason));
  if (held->stop_begun == 0)
    return;
  auto parent = held->cause ? held->cause : held->life;
  auto stop = span_of("stop", c, spec_.name, parent);
  stop.context = child_of(parent);
  stop.begin = std::exchange(held->stop_begun, 0);
  stop.attributes.emplace_back("cause", std::string{to_string(end.reason.cause)});
  if (end.overran)
    stop.failure = to_string(end.reason);
  with_->exports->record(stop);
  if (c.desired == desired_state::down || c.removing)
    held->cause.reset(); // else its next start is part of the same
}

void supervisor::trace_health(child& c) {
  auto* held = c.more ? c.more->trace.get() : nullptr;
  if (!exports_spans())
    return;
  auto life = held != nullptr ? held->life : nullptr;
  auto changed = span_of("health", c, spec_.name, life);
  changed.context = child_of(life);
  changed.begin = changed.end;
  changed.attributes.emplace_back("health", std::string{to_string(c.health)});
  if (c.health == health_state::unhealthy)
    changed.failure = "unhealthy";
  with_->exports->record(changed);
}

} // namespace duende
