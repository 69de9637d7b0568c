// A trace by BPF: the kernel counts, each tick takes the difference.
#include "monitors/tracer/sessions.hpp"

#include "monitors/tracer/call_probe.hpp"
#include "monitors/tracer/call_sites.hpp"
#include "monitors/tracer/tracees.hpp"

#include <fmt/format.h>

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
    begin_to_listen(begun_);
  }

  duration interval() const override { return trace_window; }

  bool tick() override {
    const auto now = monotonic_now();
    const bool over = now - begun_ >= how_.time;
    if (listens_)
      end_window(now, over);
    else if (!over && --unheard_ == 0)
      listen_again();
    last_ = now;
    if (++ticks_ % 5 == 0)
      look_for_processes();
    alive_ = who_.look_at_threads(now);
    return alive_ && !over;
  }

  trace_report finish() override {
    trace_report report;
    report.method = trace_method::bpf;
    report.note = sites_.problem();
    report.begun_at = begun_at_;
    report.traced = last_ - begun_;
    report.listened = std::min(listened_, report.traced);
    report.z_score = how_.z_score;
    report.pid = who_.root();
    if (!alive_ && report.traced + 2 * trace_window < how_.time)
      add_note(report, "the process ended before the trace did");
    const auto part = report.traced > duration{}
                        ? static_cast<double>(report.listened.count()) / static_cast<double>(report.traced.count())
                        : 1;
    if (looked_away_)
      add_note(
        report, fmt::format(
                  "so many calls were made that it listened for {:.0f} % of the time, to cost less than 5 %: counts "
                  "and times are of "
                  "that part; --exact counts every call",
                  100 * part));
    std::map<pid_t, traced_thread> threads;
    auto of_thread = [&](pid_t id) -> traced_thread& {
      auto found = threads.find(id);
      if (found == threads.end()) {
        auto known = who_.threads().find(id);
        found =
          threads
            .emplace(
              id, known != who_.threads().end() ? heard(tracees::summary(id, known->second), part) : traced_thread{})
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
    if (listens_)
      keep_pending(last_);
    for (const auto& [key, time] : pending_) { // what has not ended takes its time all the same
      call_figures pending;
      pending.time = time;
      report.calls[name(key.second)].add(pending);
      of_thread(static_cast<pid_t>(key.first)).calls[name(key.second)].add(pending);
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
  static void add_note(trace_report& to, const std::string& text) { to.note += (to.note.empty() ? "" : "; ") + text; }

  /// As if the part that was not listened to had not been.
  static traced_thread heard(traced_thread of, double part) {
    auto shorten = [part](duration& x) {
      x = duration{static_cast<std::int64_t>(static_cast<double>(x.count()) * part)};
    };
    shorten(of.traced);
    if (of.on_cpu)
      shorten(*of.on_cpu);
    if (of.runnable)
      shorten(*of.runnable);
    return of;
  }

  void begin_to_listen(instant now) {
    listens_ = true;
    window_begun_ = now;
    look_for_processes();
    who_.look_at_threads(now);
    for (const auto& [id, thread] : who_.threads())
      if (thread.last == now)
        if (auto call = current_call(thread.process, id); call && *call >= 0)
          probe_->is_in_call(
            thread.process, id, static_cast<std::uint32_t>(*call),
            static_cast<std::uint64_t>(now.time_since_epoch().count()));
  }

  void listen_again() {
    if (auto error = probe_->resume()) { // it could before: it may again
      unheard_ = 1;
      return;
    }
    begin_to_listen(monotonic_now());
  }

  /// Of calls that have not ended.
  void keep_pending(instant now) {
    for (const auto& thread : threads_)
      if (thread.state.since != 0 && at_ns(thread.state.since) < now)
        pending_[{thread.thread, thread.state.call}] += now - at_ns(thread.state.since);
  }

  void end_window(instant now, bool last) {
    probe_->read(sums_, threads_);
    const auto calls = judge_windows(now);
    probe_->drain([&](const trace_sample& sample) { sites_.add(sample, name(sample.call), begun_, begun_at_); });
    for (const auto& thread : threads_)
      who_.at(static_cast<pid_t>(thread.state.process), static_cast<pid_t>(thread.thread), now);
    sites_.next_window();
    listened_ += now - window_begun_;
    unheard_ = how_.exact || last ? 0 : windows_unheard(calls, now - window_begun_);
    window_begun_ = now;
    if (unheard_ == 0)
      return;
    keep_pending(now);
    probe_->pause();
    listens_ = false;
    looked_away_ = true;
    threads_.clear();
  }

  void look_for_processes() {
    who_.look_for_processes([&](pid_t pid) { probe_->add(pid); });
  }

  const std::string& name(std::uint32_t number) {
    auto& known = names_[number];
    if (known.empty())
      known = name_of_call(static_cast<int>(number));
    return known;
  }

  /// How many calls ended in the window.
  std::uint64_t judge_windows(instant now) {
    std::uint64_t calls = 0;
    for (auto& [call, window] : windows_)
      window = {};
    for (const auto& sum : sums_) {
      auto& before = before_[{sum.key.thread, sum.key.call}];
      auto& window = windows_[sum.key.call];
      window.count += sum.calls.count - before.count;
      calls += sum.calls.count - before.count;
      window.errors += sum.calls.errors - before.errors;
      window.time += ns(sum.calls.time - before.time);
      before = {sum.calls.count, sum.calls.errors, sum.calls.time};
    }
    for (const auto& thread : threads_)
      if (thread.state.since != 0)
        if (auto found = windows_.find(thread.state.call); found != windows_.end())
          found->second.pending = std::max(found->second.pending, now - at_ns(thread.state.since));
    for (const auto& [call, window] : windows_)
      watch_.look(name(call), window_begun_ - begun_, now - begun_, window, on_anomaly_);
    return calls;
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
  duration listened_{};
  instant window_begun_;
  unsigned unheard_ = 0; ///< so many windows more
  bool listens_ = false, looked_away_ = false;
  std::map<std::pair<std::uint32_t, std::uint32_t>, duration> pending_; ///< by thread and call
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
