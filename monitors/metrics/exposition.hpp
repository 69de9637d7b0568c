// Prometheus text of a node, built when it is asked for and not before.
#pragma once

#include "core/status.hpp"
#include "monitors/logs/capture.hpp"
#include "monitors/otlp/queue.hpp"
#include "monitors/usage/usage.hpp"

#include <prometheus/metric_family.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace duende {

/// One daemon with what others measured of it.
struct daemon_metrics {
  daemon_status status;
  std::optional<process_usage_now> usage; ///< none: no process, or gone
  std::optional<stream_totals> out, err;  ///< none: nothing is captured
};

struct metrics_input {
  std::string node;
  std::string version;
  std::vector<daemon_metrics> daemons;
  std::vector<supervisor_status> supervisors;
  std::optional<std::uint64_t> actors;                                     ///< running actors of the node
  std::optional<std::uint64_t> mailbox_max;                                ///< messages in the fullest mailbox
  std::optional<otlp_totals> otlp;                                         ///< none: nothing is exported
  std::vector<std::pair<std::string_view, std::uint64_t>> trace_anomalies; ///< by kind, since the node began
};

/// Every metric that has series, one after the other, so that never more than the series of one are held.
void for_each_family(const metrics_input& input, const std::function<void(prometheus::MetricFamily)>& sink);

/// Text format 0.0.4 with HELP and TYPE for every metric; names as in the contract. Label values may hold anything:
/// what is not UTF-8 in them is shown as U+FFFD, as the format wants UTF-8.
std::string render_metrics(const metrics_input& input);

/// What GET /metrics answers as Content-Type.
inline constexpr const char* metrics_content_type = "text/plain; version=0.0.4; charset=utf-8";

} // namespace duende
