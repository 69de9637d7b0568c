#include "monitors/metrics/exposition.hpp"

#include "monitors/metrics/families.hpp"
#include "policies/breaker.hpp"
#include "policies/health.hpp"

#include <prometheus/text_serializer.h>

#include <array>

namespace duende {
namespace {

using prometheus::MetricType;
constexpr auto gauge = MetricType::Gauge;
constexpr auto counter = MetricType::Counter;

double seconds(duration d) { return std::chrono::duration<double>(d).count(); }
double number(std::uint64_t n) { return static_cast<double>(n); }

label_list labels_of(const std::string& node, const daemon_status& d) {
  return {
    {"daemon", valid_utf8(d.name)},
    {"supervisor", valid_utf8(d.supervisor)},
    {"node", node},
    {"backend", valid_utf8(d.backend)}};
}

/// Makes one metric after the other.
class page {
public:
  page(const metrics_input& input, const std::function<void(prometheus::MetricFamily)>& sink)
    : input_(input), sink_(sink), node_(valid_utf8(input.node)) {
    labels_.reserve(input.daemons.size());
    for (const auto& d : input.daemons)
      labels_.push_back(labels_of(node_, d.status));
  }

  template <class Fill>
  void metric(std::string name, std::string help, MetricType type, Fill fill) {
    family f{std::move(name), std::move(help), type};
    fill(f);
    if (!f.empty())
      sink_(f.release());
  }

  /// `fill(family, labels, daemon)` for each daemon.
  template <class Fill>
  void per_daemon(std::string name, std::string help, MetricType type, Fill fill) {
    metric(std::move(name), std::move(help), type, [&](family& f) {
      for (std::size_t i = 0; i < labels_.size(); ++i)
        fill(f, labels_[i], input_.daemons[i]);
    });
  }

  /// `get(counters)` for each daemon that has any.
  template <class Get>
  void counted(std::string name, std::string help, Get get) {
    per_daemon(std::move(name), std::move(help), counter, [&](family& f, const label_list& labels, const auto& d) {
      if (d.status.counters)
        f.add(labels, number(get(*d.status.counters)));
    });
  }

  void observed(std::string name, std::string help, histogram daemon_counters::*which) {
    per_daemon(
      std::move(name), std::move(help), MetricType::Histogram, [&](family& f, const label_list& labels, const auto& d) {
        if (d.status.counters && any(d.status.counters.get()->*which))
          f.add(labels, d.status.counters.get()->*which);
      });
  }

  /// `fill(family, labels, usage)` for each daemon whose process was looked at.
  template <class Fill>
  void used(std::string name, std::string help, MetricType type, Fill fill) {
    per_daemon(std::move(name), std::move(help), type, [&](family& f, const label_list& labels, const auto& d) {
      if (d.usage)
        fill(f, labels, *d.usage);
    });
  }

  template <class Get>
  void captured(std::string name, std::string help, Get get) {
    per_daemon(std::move(name), std::move(help), counter, [&](family& f, const label_list& labels, const auto& d) {
      if (d.out)
        f.add(labels, "stream", to_string(log_stream::out), number(get(*d.out)));
      if (d.err)
        f.add(labels, "stream", to_string(log_stream::err), number(get(*d.err)));
    });
  }

  label_list node_label() const { return {{"node", node_}}; }
  label_list supervisor_labels(const supervisor_status& s) const {
    return {{"supervisor", valid_utf8(s.name)}, {"node", node_}};
  }
  const metrics_input& input() const { return input_; }

  static bool any(const histogram& h) {
    for (auto count : h.counts)
      if (count != 0)
        return true;
    return false;
  }

private:
  const metrics_input& input_;
  const std::function<void(prometheus::MetricFamily)>& sink_;
  std::string node_;
  std::vector<label_list> labels_;
};

label_list with(label_list labels, std::string name, std::string_view value) {
  labels.push_back({std::move(name), std::string{value}});
  return labels;
}

bool in_process(const daemon_status& d) { return d.backend == "thread" || d.backend == "actor"; }

bool is_up(const daemon_status& d) { return d.state == daemon_state::running || d.state == daemon_state::paused; }

void add_node(page& p) {
  p.metric("duende_build_info", "The program that answers, by its labels.", gauge, [&](family& f) {
    f.add(p.node_label(), "version", valid_utf8(p.input().version), 1);
  });
  p.metric("duende_daemons", "Daemons of the node by state.", gauge, [&](family& f) {
    std::array<std::uint64_t, daemon_state_count> by_state{};
    for (const auto& d : p.input().daemons)
      ++by_state[static_cast<std::size_t>(d.status.state)];
    for (std::size_t s = 0; s < by_state.size(); ++s)
      f.add(p.node_label(), "state", to_string(static_cast<daemon_state>(s)), number(by_state[s]));
  });
  p.metric("duende_node_actors", "Actors running in the node.", gauge, [&](family& f) {
    if (p.input().actors)
      f.add(p.node_label(), number(*p.input().actors));
  });
  p.metric("duende_node_mailbox_depth_max", "Messages in the fullest mailbox.", gauge, [&](family& f) {
    if (p.input().mailbox_max)
      f.add(p.node_label(), number(*p.input().mailbox_max));
  });
}

void add_state(page& p) {
  p.per_daemon("duende_daemon_up", "1 while the daemon runs or is paused.", gauge, [](auto& f, auto& labels, auto& d) {
    f.add(labels, is_up(d.status) ? 1 : 0);
  });
  p.per_daemon(
    "duende_daemon_state", "1 for the state the daemon is in, 0 for the others.", gauge,
    [](auto& f, auto& labels, auto& d) {
      for (int i = 0; i < daemon_state_count; ++i) {
        const auto state = static_cast<daemon_state>(i);
        f.add(labels, "state", to_string(state), d.status.state == state ? 1 : 0);
      }
    });
  p.per_daemon(
    "duende_daemon_uptime_seconds", "Time since the incarnation began.", gauge,
    [](auto& f, auto& labels, auto& d) { f.add(labels, d.status.uptime_seconds); });
  p.per_daemon(
    "duende_daemon_health", "1 healthy, 0.5 degraded, 0 unhealthy.", gauge, [](auto& f, auto& labels, auto& d) {
      switch (d.status.health) {
        case health_state::healthy: f.add(labels, 1); break;
        case health_state::degraded: f.add(labels, 0.5); break;
        case health_state::unhealthy: f.add(labels, 0); break;
        case health_state::unknown: break;
      }
    });
}

void add_counters(page& p) {
  using c = daemon_counters;
  p.counted("duende_daemon_starts_total", "Starts, restarts included.", [](const c& x) { return x.starts; });
  p.counted("duende_daemon_restarts_total", "Restarts by the supervisor.", [](const c& x) { return x.restarts; });
  p.per_daemon("duende_daemon_exits_total", "Ends by cause.", counter, [](auto& f, auto& labels, auto& d) {
    if (d.status.counters)
      for (std::size_t i = 0; i < exit_cause_count; ++i)
        f.add(labels, "cause", to_string(static_cast<exit_cause>(i)), number(d.status.counters->exits[i]));
  });
  p.observed("duende_daemon_start_seconds", "From the wish to start until running.", &c::start_seconds);
  p.observed("duende_daemon_restart_seconds", "From the end seen until running again.", &c::restart_seconds);
  p.observed("duende_daemon_stop_seconds", "From the wish to stop until stopped.", &c::stop_seconds);
  auto red = [&](std::string name, std::string help, std::uint64_t c::*which) {
    p.per_daemon(std::move(name), std::move(help), counter, [&](auto& f, auto& labels, auto& d) {
      if (in_process(d.status) && d.status.counters)
        f.add(labels, number(d.status.counters.get()->*which));
    });
  };
  red("duende_daemon_requests_total", "Requests an in-process daemon has served.", &c::requests);
  red("duende_daemon_errors_total", "Requests that failed.", &c::errors);
  p.observed("duende_daemon_request_seconds", "Time that requests took.", &c::request_seconds);
}

void add_usage(page& p) {
  using u = process_usage_now;
  p.used(
    "duende_daemon_cpu_seconds_total", "CPU time of the incarnation's process.", counter,
    [](auto& f, auto& labels, const u& x) {
      f.add(labels, "mode", "user", seconds(x.user));
      f.add(labels, "mode", "system", seconds(x.system));
    });
  p.used(
    "duende_daemon_resident_memory_bytes", "Resident memory of the process.", gauge,
    [](auto& f, auto& labels, const u& x) { f.add(labels, number(x.resident_bytes)); });
  p.used(
    "duende_daemon_open_fds", "Open file descriptors of the process.", gauge, [](auto& f, auto& labels, const u& x) {
      if (x.open_fds)
        f.add(labels, *x.open_fds);
    });
  p.used("duende_daemon_threads", "Threads of the process.", gauge, [](auto& f, auto& labels, const u& x) {
    f.add(labels, x.threads);
  });
  p.used("duende_daemon_children", "Direct children of the process.", gauge, [](auto& f, auto& labels, const u& x) {
    if (x.children)
      f.add(labels, *x.children);
  });
  p.used(
    "duende_daemon_io_bytes_total", "Bytes that the process had storage deliver and take.", counter,
    [](auto& f, auto& labels, const u& x) {
      if (x.read_bytes)
        f.add(labels, "direction", "read", number(*x.read_bytes));
      if (x.written_bytes)
        f.add(labels, "direction", "write", number(*x.written_bytes));
    });
  p.captured("duende_daemon_log_bytes_total", "Output captured.", [](const stream_totals& s) { return s.bytes; });
  p.captured("duende_daemon_log_rotations_total", "Rotations of the log file.", [](const stream_totals& s) {
    return s.rotations;
  });
}

void add_traces(page& p) {
  p.metric("duende_trace_anomalies_total", "What traces of system calls found, by kind.", counter, [&](family& f) {
    for (const auto& [kind, count] : p.input().trace_anomalies)
      f.add(p.node_label(), "kind", kind, number(count));
  });
}

void add_supervisors(page& p) {
  p.metric("duende_supervisor_restarts_total", "Restarts of the supervisor's children.", counter, [&](family& f) {
    for (const auto& s : p.input().supervisors)
      f.add(p.supervisor_labels(s), number(s.restarts));
  });
  p.metric("duende_supervisor_escalations_total", "Times the restart intensity was exceeded.", counter, [&](family& f) {
    for (const auto& s : p.input().supervisors)
      f.add(p.supervisor_labels(s), number(s.escalations));
  });
}

/// `fill(family, labels, counters)` for each daemon whose policies did something.
template <class Fill>
void per_policy(page& p, std::string name, std::string help, MetricType type, Fill fill) {
  p.per_daemon(std::move(name), std::move(help), type, [&](auto& f, auto& labels, auto& d) {
    if (d.status.counters && d.status.counters->policies)
      fill(f, labels, *d.status.counters->policies);
  });
}

void add_policies(page& p) {
  using c = policy_counters;
  per_policy(
    p, "duende_health_check_seconds", "Time that health checks took.", MetricType::Histogram,
    [](auto& f, auto& labels, const c& x) {
      for (int i = 0; i < check_outcome_count; ++i)
        if (page::any(x.check_seconds[static_cast<std::size_t>(i)]))
          f.add(
            with(labels, "outcome", to_string(static_cast<check_outcome>(i))),
            x.check_seconds[static_cast<std::size_t>(i)]);
    });
  per_policy(
    p, "duende_circuit_breaker_state", "0 closed, 1 half-open, 2 open.", gauge, [](auto& f, auto& labels, const c& x) {
      if (x.breaker >= 0)
        f.add(labels, x.breaker);
    });
  per_policy(
    p, "duende_circuit_breaker_transitions_total", "Changes of the breaker's state.", counter,
    [](auto& f, auto& labels, const c& x) {
      for (std::size_t i = 0; i < x.breaker_transitions.size() && x.breaker >= 0; ++i)
        f.add(labels, "to", to_string(static_cast<breaker_state>(i)), number(x.breaker_transitions[i]));
    });
  per_policy(
    p, "duende_policy_violations_total", "Rules of jidoka that did not hold.", counter,
    [](auto& f, auto& labels, const c& x) {
      for (const auto& each : x.violations)
        f.add(with(labels, "gate", valid_utf8(each.gate)), "kind", each.kind, number(each.count));
    });
}

} // namespace

void for_each_family(const metrics_input& input, const std::function<void(prometheus::MetricFamily)>& sink) {
  page p{input, sink};
  add_node(p);
  add_state(p);
  add_counters(p);
  add_policies(p);
  add_usage(p);
  add_supervisors(p);
  add_traces(p);
  add_export_families(input, sink);
}

std::string render_metrics(const metrics_input& input) {
  const prometheus::TextSerializer serializer;
  std::string text;
  for_each_family(input, [&](prometheus::MetricFamily f) { text += serializer.Serialize({std::move(f)}); });
  return text;
}

} // namespace duende
