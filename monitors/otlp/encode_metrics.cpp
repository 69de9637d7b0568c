#include "monitors/otlp/encode.hpp"

#include <nlohmann/json.hpp>

#include <cmath>

namespace duende {
namespace {

using nlohmann::json;

constexpr std::size_t points_at_once = 256;
constexpr int cumulative = 2; ///< AGGREGATION_TEMPORALITY_CUMULATIVE

/// As protobuf's JSON writes what JSON has no numbers for.
json number(double x) {
  if (std::isnan(x))
    return "NaN";
  if (std::isinf(x))
    return x > 0 ? "Infinity" : "-Infinity";
  return x;
}

json attributes_of(const prometheus::ClientMetric& x) {
  auto result = json::array();
  for (const auto& label : x.label)
    result.push_back({{"key", label.name}, {"value", {{"stringValue", label.value}}}});
  return result;
}

/// Buckets of Prometheus hold what those below them hold, too, and leave out the last one.
void add_buckets(json& point, const prometheus::ClientMetric::Histogram& x) {
  auto counts = json::array(), bounds = json::array();
  std::uint64_t below = 0;
  for (const auto& bucket : x.bucket) {
    counts.push_back(std::to_string(bucket.cumulative_count - below));
    bounds.push_back(bucket.upper_bound);
    below = bucket.cumulative_count;
  }
  counts.push_back(std::to_string(x.sample_count - below));
  point["count"] = std::to_string(x.sample_count);
  point["sum"] = number(x.sample_sum);
  point["bucketCounts"] = std::move(counts);
  point["explicitBounds"] = std::move(bounds);
}

json point_of(prometheus::MetricType type, const prometheus::ClientMetric& x, unix_nanos begun, unix_nanos now) {
  json point{{"attributes", attributes_of(x)}, {"timeUnixNano", std::to_string(now)}};
  if (type != prometheus::MetricType::Gauge)
    point["startTimeUnixNano"] = std::to_string(begun);
  switch (type) {
    case prometheus::MetricType::Counter: point["asDouble"] = number(x.counter.value); break;
    case prometheus::MetricType::Histogram: add_buckets(point, x.histogram); break;
    default: point["asDouble"] = number(x.gauge.value);
  }
  return point;
}

/// UCUM, by the suffix that the name has anyway.
const char* unit_of(std::string_view name) {
  if (name.ends_with("_total"))
    name.remove_suffix(6);
  return name.ends_with("_seconds") ? "s" : name.ends_with("_bytes") ? "By" : "1";
}

json data_of(prometheus::MetricType type, json points) {
  json data{{"dataPoints", std::move(points)}};
  if (type != prometheus::MetricType::Gauge)
    data["aggregationTemporality"] = cumulative;
  if (type == prometheus::MetricType::Counter)
    data["isMonotonic"] = true;
  return data;
}

const char* field_of(prometheus::MetricType type) {
  switch (type) {
    case prometheus::MetricType::Counter: return "sum";
    case prometheus::MetricType::Histogram: return "histogram";
    default: return "gauge";
  }
}

} // namespace

void encode(
  const prometheus::MetricFamily& x, unix_nanos begun, unix_nanos now,
  const std::function<void(std::string, std::uint64_t)>& sink) {
  for (std::size_t from = 0; from < x.metric.size(); from += points_at_once) {
    const auto to = std::min(from + points_at_once, x.metric.size());
    auto points = json::array();
    for (auto i = from; i < to; ++i)
      points.push_back(point_of(x.type, x.metric[i], begun, now));
    const json metric{
      {"name", x.name},
      {"description", x.help},
      {"unit", unit_of(x.name)},
      {field_of(x.type), data_of(x.type, std::move(points))}};
    sink(metric.dump(-1, ' ', false, json::error_handler_t::replace), to - from);
  }
}

} // namespace duende
