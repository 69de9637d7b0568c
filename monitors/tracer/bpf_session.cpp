// A trace by BPF: the kernel counts, each tick takes the difference.
#include "monitors/tracer/sessions.hpp"

#include "monitors/tracer/call_probe.hpp"
#include "monitors/tracer/call_sites.hpp"
#include "monitors/tracer/tracees.hpp"

#include <algorithm>
#include <cstring>
#include <map>

namespace duende {
namespace {

duration ns(std::uint64_t count) { return duration{static_cast<std::int64_t>(count)}; }
instant at_ns(std::uint64_t count) { return instant{ns(count)}; }

call_figures figures_of(const trace_calls& of) {
  call_figures result;
  result.count = of.count;
  result.errors = of.errors;
  result.zeros = of.zeros;
  result.time = ns(of.time);
  result.longest = ns(of.longest);
  for (std::size_t i = 0; i < latency_histogram::slot_count; ++i)
    result.latencies.slots[i] = of.slots[i];
  result.same = of.same;
  result.same_time = ns(of.same_time);
  result.same_result = of.same_result;
  return result;
}
static_assert(latency_histogram::slot_count == TRACE_SLOTS);

class bpf_session : public trace_session {
public:
  bpf_session(
    pid_t pid, const trace_options& how, std::unique_ptr<call_probe> probe,
    std::function<void(const trace_anomaly&)> on_anomaly)
    : how_(how), probe_(std::move(probe)), who_(pid), watch_(how.z_score), on_anomaly_(std::move(on_anomaly)) {
    begun_ = last_ = monotonic_now();
    begun_at_ = wall_now();
    look_for_processes();
    who_.look_at_threads(begun_);
    for (const auto& [id, thread] : who_.threads())
      if (auto call = current_call(thread.process, id); call && *call >= 0)
        probe_->is_in_call(
          thread.process, id, static_cast<std::uint32_t>(*call),
          static_cast<std::uint64_t>(begun_.time_since_epoch().count()));
  }

  duration interval() const override { return trace_window; }

  bool tick() override {
    const auto now = monotonic_now();
    probe_->read(sums_, threads_);
    judge_windows(now);
    probe_->drain([&](const trace_sample& sample) { sites_.add(sample, name(sample.call), begun_, begun_at_); });
    for (const auto& thread : threads_)
      who_.at(static_cast<pid_t>(thread.state.process), static_cast<pid_t>(thread.thread), now);
    sites_.next_window();
    last_ = now;
    if (++ticks_ % 5 == 0)
      look_for_processes();
    alive_ = who_.look_at_threads(now);
    return alive_ && now - begun_ < how_.time;
  }

  trace_report finish() override {
    trace_report report;
    report.method = trace_method::bpf;
    report.note = sites_.problem();
    report.begun_at = begun_at_;
    report.traced = last_ - begun_;
    report.z_score = how_.z_score;
    report.pid = who_.root();
    if (!alive_ && report.traced + 2 * trace_window < how_.time)
      report.note += (report.note.empty() ? "" : "; ") + std::string{"the process ended before the trace did"};
    std::map<pid_t, traced_thread> threads;
    auto of_thread = [&](pid_t id) -> traced_thread& {
      auto found = threads.find(id);
      if (found == threads.end()) {
        auto known = who_.threads().find(id);
        found =
          threads.emplace(id, known != who_.threads().end() ? tracees::summary(id, known->second) : traced_thread{})
            .first;
        found->second.thread = id;
      }
      return found->second;
    };
    for (const auto& sum : sums_) {
      auto figures = figures_of(sum.calls);
      report.calls[name(sum.key.call)].add(figures);
      of_thread(static_cast<pid_t>(sum.key.thread)).calls[name(sum.key.call)].add(figures);
    }
    for (const auto& thread : threads_) // what has not ended takes its time all the same
      if (thread.state.since != 0 && at_ns(thread.state.since) < last_) {
        call_figures pending;
        pending.time = last_ - at_ns(thread.state.since);
        report.calls[name(thread.state.call)].add(pending);
        of_thread(static_cast<pid_t>(thread.thread)).calls[name(thread.state.call)].add(pending);
      }
    for (const auto& [id, thread] : who_.threads())
      of_thread(id);
    for (auto& [id, thread] : threads) {
      duration in_calls{};
      for (const auto& [call, figures] : thread.calls)
        in_calls += figures.time;
      thread.traced = std::max(thread.traced, in_calls); // threads that came and went between two looks
      report.threads.push_back(std::move(thread));
    }
    for (const auto& error : probe_->errors())
      report.errors[{name(error.key.call), static_cast<int>(error.key.number)}] = error.count;
    report.slowest = sites_.slowest();
    report.sites = sites_.sites();
    report.anomalies = watch_.found();
    const auto lost = probe_->lost();
    report.lost_calls = lost.calls;
    report.lost_samples = lost.samples;
    return report;
  }

private:
  void look_for_processes() {
    who_.look_for_processes([&](pid_t pid) { probe_->add(pid); });
  }

  const std::string& name(std::uint32_t number) {
    auto& known = names_[number];
    if (known.empty())
      known = name_of_call(static_cast<int>(number));
    return known;
  }

  void judge_windows(instant now) {
    for (auto& [call, window] : windows_)
      window = {};
    for (const auto& sum : sums_) {
      auto& before = before_[{sum.key.thread, sum.key.call}];
      auto& window = windows_[sum.key.call];
      window.count += sum.calls.count - before.count;
      window.errors += sum.calls.errors - before.errors;
      window.time += ns(sum.calls.time - before.time);
      before = {sum.calls.count, sum.calls.errors, sum.calls.time};
    }
    for (const auto& thread : threads_)
      if (thread.state.since != 0)
        if (auto found = windows_.find(thread.state.call); found != windows_.end())
          found->second.pending = std::max(found->second.pending, now - at_ns(thread.state.since));
    for (const auto& [call, window] : windows_)
      watch_.look(name(call), last_ - begun_, now - begun_, window, on_anomaly_);
  }

  struct totals {
    std::uint64_t count = 0, errors = 0, time = 0;
  };

  trace_options how_;
  std::unique_ptr<call_probe> probe_;
  tracees who_;
  anomaly_watch watch_;
  std::function<void(const trace_anomaly&)> on_anomaly_;
  call_sites sites_;
  instant begun_, last_;
  wall_time begun_at_;
  std::uint64_t ticks_ = 0;
  bool alive_ = true;
  std::vector<call_probe::sums> sums_;
  std::vector<call_probe::thread_now> threads_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, totals> before_;
  std::map<std::uint32_t, window_figures> windows_;
  std::map<std::uint32_t, std::string> names_;
};

} // namespace

caf::expected<std::unique_ptr<trace_session>>
begin_bpf(pid_t pid, const trace_options& how, std::function<void(const trace_anomaly&)> on_anomaly) {
  auto probe = call_probe::open();
  if (!probe)
    return probe.error();
  return std::unique_ptr<trace_session>{
    std::make_unique<bpf_session>(pid, how, std::move(*probe), std::move(on_anomaly))};
}

} // namespace duende
