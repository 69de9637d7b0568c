// A trace without BPF: /proc says which call each thread is in. That tells where the time goes; counts, latencies, errors and stacks
// stay unknown.
#include "monitors/tracer/sessions.hpp"

#include "core/errc.hpp"
#include "monitors/tracer/tracees.hpp"

#include <map>

namespace duende {
namespace {

constexpr duration sample_interval = std::chrono::milliseconds{5}, thread_interval = std::chrono::milliseconds{200};

class sampling_session : public trace_session {
public:
  sampling_session(pid_t pid, const trace_options& how, std::string why)
    : how_(how), who_(pid), why_(std::move(why)), begun_(monotonic_now()), last_(begun_), begun_at_(wall_now()) {
    look_at_all(begun_);
  }

  duration interval() const override { return sample_interval; }

  bool tick() override {
    const auto now = monotonic_now();
    if (now - looked_ > thread_interval)
      look_at_all(now);
    for (const auto& [id, thread] : who_.threads()) {
      const auto call = current_call(thread.process, id);
      if (!call)
        continue;
      if (*call >= 0)
        time_[id][*call] += now - last_;
    }
    last_ = now;
    ++looks_;
    return alive_ && now - begun_ < how_.time;
  }

  trace_report finish() override {
    trace_report report;
    report.method = trace_method::sampling;
    report.note = why_ + (why_.empty() ? "" : "; ")
                  + "the calls were sampled: times are estimates, counts, latencies, errors and anomalies are unknown";
    report.begun_at = begun_at_;
    report.traced = report.listened = last_ - begun_;
    report.z_score = how_.z_score;
    report.pid = who_.root();
    report.looks = looks_;
    who_.look_at_threads(last_);
    for (const auto& [id, thread] : who_.threads()) {
      auto summary = tracees::summary(id, thread);
      for (const auto& [call, time] : time_[id]) {
        call_figures figures;
        figures.time = time;
        report.calls[name_of_call(call)].add(figures);
        summary.calls[name_of_call(call)].add(figures);
      }
      report.threads.push_back(std::move(summary));
    }
    return report;
  }

private:
  void look_at_all(instant now) {
    looked_ = now;
    who_.look_for_processes([](pid_t) {});
    alive_ = who_.look_at_threads(now);
  }

  trace_options how_;
  tracees who_;
  std::string why_;
  instant begun_, last_, looked_{};
  wall_time begun_at_;
  std::uint64_t looks_ = 0;
  bool alive_ = true;
  std::map<pid_t, std::map<int, duration>> time_;
};

} // namespace

caf::expected<std::unique_ptr<trace_session>> begin_sampling(pid_t pid, const trace_options& how, std::string why) {
  if (!current_call(pid, pid))
    return fail(
      errc::unsupported,
      "{}{}/proc/{}/syscall can't be read: it wants root, or the daemon's user and a kernel that "
      "allows to look (kernel.yama.ptrace_scope)",
      why, why.empty() ? "" : "; ", pid);
  return std::unique_ptr<trace_session>{std::make_unique<sampling_session>(pid, how, std::move(why))};
}

} // namespace duende
