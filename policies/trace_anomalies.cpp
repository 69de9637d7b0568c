#include "policies/trace_anomalies.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace duende {
namespace {

/// What varies by less than that says nothing: a part of the mean, and two microseconds.
constexpr double least_part = 0.1, least_seconds = 2e-6;
/// Windows that lie closer are one anomaly.
constexpr duration same_anomaly = 3 * trace_window;

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

double baseline::mean() const {
  double sum = 0;
  for (std::size_t i = 0; i < size_; ++i)
    sum += values_[i];
  return size_ == 0 ? 0 : sum / static_cast<double>(size_);
}

double baseline::deviation() const {
  if (size_ < 2)
    return 0;
  const auto middle = mean();
  double sum = 0;
  for (std::size_t i = 0; i < size_; ++i)
    sum += (values_[i] - middle) * (values_[i] - middle);
  return std::sqrt(sum / static_cast<double>(size_ - 1));
}

double baseline::z(double value, double least) const {
  if (size_ < enough)
    return 0;
  return (value - mean()) / std::max(deviation(), least);
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
    if (std::abs(candidate.z) > std::abs(i->z)) {
      i->z = candidate.z;
      i->value = candidate.value;
      i->usual = candidate.usual;
      i->text = std::move(candidate.text);
    }
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
    const bool hangs = seconds(window.pending) > std::max(mean, known.latency.mean());
    if (hangs)
      mean = seconds(window.pending);
    const auto usual = known.latency.mean();
    const auto z = known.latency.z(mean, std::max(usual * least_part, least_seconds));
    if ((window.count > 0 || hangs) && z > 0) // faster than usual is no reason to worry
      judge({anomaly_kind::latency, call, from, to, z, usual, mean, {}}, begun);
    if (window.count > 0)
      known.latency.add(mean);
  }
  // Counts vary by their square root without any cause.
  auto counted = [&](baseline& values, std::uint64_t count, anomaly_kind kind, bool falls) {
    const auto now = static_cast<double>(count), usual = values.mean();
    const auto z = values.z(now, std::max(usual * least_part, std::sqrt(usual + 1)));
    if (z > 0 || falls)
      judge({kind, call, from, to, z, usual / width, now / width, {}}, begun);
    values.add(now);
  };
  counted(known.rate, window.count, anomaly_kind::rate, true);
  counted(known.errors, window.errors, anomaly_kind::errors, false);
}

} // namespace duende
