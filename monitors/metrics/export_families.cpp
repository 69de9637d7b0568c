#include "monitors/metrics/exposition.hpp"
#include "monitors/metrics/families.hpp"

namespace duende {

void add_export_families(const metrics_input& input, const std::function<void(prometheus::MetricFamily)>& sink) {
  if (!input.otlp)
    return;
  const label_list node{{"node", valid_utf8(input.node)}};
  auto each = [&](std::string name, std::string help, prometheus::MetricType type, std::uint64_t otlp_counts::*which) {
    family f{std::move(name), std::move(help), type};
    for (std::size_t i = 0; i < otlp_signal_count; ++i)
      f.add(node, "signal", to_string(static_cast<otlp_signal>(i)), static_cast<double>((*input.otlp)[i].*which));
    sink(f.release());
  };
  using prometheus::MetricType;
  each(
    "duende_otlp_sent_total", "Data points, lines and spans that a collector took.", MetricType::Counter,
    &otlp_counts::sent);
  each(
    "duende_otlp_dropped_total", "Data points, lines and spans that were lost: no room, or refused by the collector.",
    MetricType::Counter, &otlp_counts::dropped);
  each("duende_otlp_queue_bytes", "Waiting for the collector.", MetricType::Gauge, &otlp_counts::bytes);
}

} // namespace duende
