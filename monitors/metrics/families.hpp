// Small helpers that fill Prometheus metric families.
#pragma once

#include "core/status.hpp"

#include <prometheus/metric_family.h>

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace duende {

using label_list = std::vector<prometheus::ClientMetric::Label>;

/// `text` with each byte that belongs to no UTF-8 sequence replaced by U+FFFD.
std::string valid_utf8(std::string_view text);

/// One metric with its series.
class family {
public:
  family(std::string name, std::string help, prometheus::MetricType type);

  void add(const label_list& labels, double value);
  void add(const label_list& labels, std::string_view extra_name, std::string_view extra_value, double value);
  void add(const label_list& labels, const histogram& values);

  bool empty() const { return family_.metric.empty(); }
  prometheus::MetricFamily release() { return std::move(family_); }

private:
  prometheus::ClientMetric& series(const label_list& labels);
  void set(prometheus::ClientMetric& metric, double value);

  prometheus::MetricFamily family_;
};

struct metrics_input;

/// What became of what is exported; none where nothing is.
void add_export_families(const metrics_input& input, const std::function<void(prometheus::MetricFamily)>& sink);

} // namespace duende
