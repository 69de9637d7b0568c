#include "monitors/metrics/families.hpp"

namespace duende {
namespace {

/// Length of the well-formed sequence at the front (Unicode 15, table 3-7), 0 where there is none.
std::size_t sequence_length(std::string_view s) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  auto within = [&](std::size_t i, unsigned low, unsigned high) {
    return i < s.size() && byte(i) >= low && byte(i) <= high;
  };
  const unsigned first = byte(0);
  if (first < 0x80)
    return 1;
  if (first >= 0xc2 && first <= 0xdf)
    return within(1, 0x80, 0xbf) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const unsigned low = first == 0xe0 ? 0xa0 : 0x80, high = first == 0xed ? 0x9f : 0xbf;
    return within(1, low, high) && within(2, 0x80, 0xbf) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const unsigned low = first == 0xf0 ? 0x90 : 0x80, high = first == 0xf4 ? 0x8f : 0xbf;
    return within(1, low, high) && within(2, 0x80, 0xbf) && within(3, 0x80, 0xbf) ? 4 : 0;
  }
  return 0;
}

} // namespace

std::string valid_utf8(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const auto length = sequence_length(text);
    result += length == 0 ? std::string_view{"\xef\xbf\xbd"} : text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return result;
}

family::family(std::string name, std::string help, prometheus::MetricType type) {
  family_.name = std::move(name);
  family_.help = std::move(help);
  family_.type = type;
}

prometheus::ClientMetric& family::series(const label_list& labels) {
  auto& metric = family_.metric.emplace_back();
  metric.label = labels;
  return metric;
}

void family::set(prometheus::ClientMetric& metric, double value) {
  if (family_.type == prometheus::MetricType::Counter)
    metric.counter.value = value;
  else
    metric.gauge.value = value;
}

void family::add(const label_list& labels, double value) { set(series(labels), value); }

void family::add(const label_list& labels, std::string_view extra_name, std::string_view extra_value, double value) {
  auto& metric = series(labels);
  metric.label.push_back({std::string{extra_name}, std::string{extra_value}});
  set(metric, value);
}

void family::add(const label_list& labels, const histogram& values) {
  auto& target = series(labels).histogram;
  for (std::size_t i = 0; i < values.counts.size(); ++i) {
    target.sample_count += values.counts[i];
    // The serializer adds the bucket of +Inf by itself.
    if (i < histogram_bounds.size())
      target.bucket.push_back({target.sample_count, histogram_bounds[i]});
  }
  target.sample_sum = values.sum;
}

} // namespace duende
