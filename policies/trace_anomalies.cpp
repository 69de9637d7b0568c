#include "policies/trace_anomalies.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace duende {
namespace {

/// What varies by less than that says nothing: a part of the median, and two microseconds.
constexpr double least_part = 0.1, least_seconds = 2e-6;
/// Windows that lie closer are one anomaly.
constexpr duration same_anomaly = 3 * trace_window;

/// So many times the median absolute deviation is the standard deviation of what is normally distributed.
constexpr double as_standard = 1.4826;

double middle_of(std::array<double, baseline::capacity>& values, std::size_t size) {
  if (size == 0)
    return 0;
  auto* middle = values.data() + size / 2;
  std::nth_element(values.data(), middle, values.data() + size);
  return size % 2 == 1 ? *middle : (*middle + *std::max_element(values.data(), middle)) / 2;
}

double seconds(duration d) { return std::chrono::duration<double>(d).count(); }

std::string describe(const trace_anomaly& x) {
  auto change = x.value >= x.usual ? "rose" : "fell";
  if (x.kind == anomaly_kind::latency) {
    auto as_time = [](double s) { return short_time(duration{static_cast<std::int64_t>(s * 1e9)}); };
    return fmt::format("{} took {}, usually {} (z {:.1f})", x.call, as_time(x.value), as_time(x.usual), x.z);
  }
  auto what = x.kind == anomaly_kind::errors ? "errors of " : "calls of ";
  return fmt::format("{}{} {} to {:.0f}/s, usually {:.0f}/s (z {:.1f})", what, x.call, change, x.value, x.usual, x.z);
}

} // namespace

void baseline::add(double value) {
  values_[next_] = value;
  next_ = (next_ + 1) % capacity;
  size_ = std::min(size_ + 1, capacity);
}

double baseline::median() const {
  auto values = values_;
  return middle_of(values, size_);
}

double baseline::deviation() const {
  const auto middle = median();
  std::array<double, capacity> away{};
  for (std::size_t i = 0; i < size_; ++i)
    away[i] = std::abs(values_[i] - middle);
  return as_standard * middle_of(away, size_);
}

double baseline::z(double value, double least) const {
  if (size_ < enough)
    return 0;
  return (value - median()) / std::max(deviation(), least);
}

void anomaly_watch::judge(trace_anomaly candidate, const std::function<void(const trace_anomaly&)>& begun) {
  if (std::abs(candidate.z) < threshold_)
    return;
  candidate.text = describe(candidate);
  for (auto i = found_.rbegin(); i != found_.rend(); ++i) {
    if (i->kind != candidate.kind || i->call != candidate.call)
      continue;
    if (candidate.from - i->to > same_anomaly)
      break;
    i->to = candidate.to;
    // What was usual is what it was before all this: later windows have taken some of the unusual into their mean. And the first
    // window often holds usual values, too.
    if (std::abs(candidate.z) > std::abs(i->z))
      i->z = candidate.z;
    if (std::abs(candidate.value - i->usual) > std::abs(i->value - i->usual))
      i->value = candidate.value;
    i->text = describe(*i);
    return;
  }
  if (found_.size() >= most_anomalies)
    return;
  found_.push_back(std::move(candidate));
  if (begun)
    begun(found_.back());
}

void anomaly_watch::look(
  const std::string& call, duration from, duration to, const window_figures& window,
  const std::function<void(const trace_anomaly&)>& begun) {
  auto& known = calls_[call];
  const auto width = std::max(seconds(to - from), 1e-3);
  if (!is_idle_call(call)) {
    auto mean = window.count == 0 ? 0 : seconds(window.time) / static_cast<double>(window.count);
    // What hangs counts before it ends, once it is longer than usual.
    const bool hangs = seconds(window.pending) > std::max(mean, known.latency.median());
    if (hangs)
      mean = seconds(window.pending);
    const auto usual = known.latency.median();
    const auto z = known.latency.z(mean, std::max(usual * least_part, least_seconds));
    if ((window.count > 0 || hangs) && z > 0) // faster than usual is no reason to worry
      judge({anomaly_kind::latency, call, from, to, z, usual, mean, {}}, begun);
    if (window.count > 0)
      known.latency.add(mean);
  }
  // Counts vary by their square root without any cause.
  auto counted = [&](baseline& values, std::uint64_t count, anomaly_kind kind, bool falls) {
    const auto now = static_cast<double>(count), usual = values.median();
    const auto z = values.z(now, std::max(usual * least_part, std::sqrt(usual + 1)));
    if (z > 0 || falls)
      judge({kind, call, from, to, z, usual / width, now / width, {}}, begun);
    values.add(now);
  };
  counted(known.rate, window.count, anomaly_kind::rate, true);
  counted(known.errors, window.errors, anomaly_kind::errors, false);
}

} // namespace duende
