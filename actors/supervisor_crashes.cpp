// Which ends get a report, and what goes into it. Nothing here is on the way of the restart.
#include "actors/supervisor.hpp"

#include "actors/observer.hpp"
#include "monitors/crashes/crash_store.hpp"
#include "monitors/logs/capture.hpp"
#include "policies/restart.hpp"

namespace duende {
namespace {

/// The newest so many samples are in a report.
constexpr std::size_t reported_samples = 30;

bool is_crash(const daemon_spec& spec, const life_end& end) {
  if (end.asked)
    return end.overran; // it did not stop when it should
  return end.reason.cause != exit_cause::spawn && !is_success(spec.restart, end.reason);
}

} // namespace

void supervisor::report_crash(const child& c, const life_end& end, const last_life& life) {
  const bool reports = with_->crashes != nullptr && c.spec && c.spec->logs.crash_reports > 0
                       && (c.kind == child_kind::process || c.kind == child_kind::thread);
  if (!reports || (!is_crash(*c.spec, end) && gave_up_.empty()))
    return;
  auto left_out = with_->crashes->admit(c.more->id, end.ended_at, !gave_up_.empty());
  if (!left_out)
    return;
  auto report = std::make_shared<crash_report>();
  auto& r = *report;
  r.id = c.more->id;
  r.daemon = c.name;
  r.supervisor = spec_.name;
  r.node = with_->node;
  r.backend = backend_name(c.kind);
  r.version = c.spec->version;
  r.incarnation = life.incarnation;
  r.pid = life.pid;
  r.reason = end.reason;
  r.gave_up = gave_up_;
  r.was_ready = end.was_ready;
  r.started_at = life.started_at;
  r.ended_at = end.ended_wall;
  if (end.launched)
    r.uptime = end.ended_at - end.started_at;
  if (end.launched && c.kind == child_kind::process)
    r.used = crash_report::usage{end.usage.user, end.usage.system, end.usage.max_rss_bytes};
  r.restarts = life.restarts;
  r.streak = c.streak;
  r.left_out = *left_out;
  r.working_dir = c.spec->working_dir;
  r.keep = c.spec->logs.crash_reports;
  r.log_timestamps = c.spec->logs.timestamps;
  auto* store = with_->crashes;
  if (!with_->logs || c.kind != child_kind::process)
    return store->submit(std::move(r));
  auto add_logs = [store, report, logs = with_->logs, dir = log_dir_of(*with_, c.name, c.spec->logs.dir)] {
    logs->drain(report->id, [store, report, dir] {
      report->logs = log_ends{dir};
      store->submit(std::move(*report));
    });
  };
  if (!with_->observer)
    return add_logs();
  with_->observer->recent(r.id, r.pid, reported_samples, [report, add_logs](std::vector<process_sample> samples) {
    report->samples = std::move(samples);
    add_logs();
  });
}

void supervisor::observe(const child& c) {
  if (with_->observer && c.kind == child_kind::process)
    with_->observer->lives(c.more->id, c.pid);
}

} // namespace duende
