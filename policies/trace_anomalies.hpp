// Which windows of a trace are out of the usual, by z-score: how many standard deviations a value is from the middle of those before.
// Middle is the median and the deviation comes from the median of absolute deviations (the modified z-score of Iglewicz and Hoaglin, 1993):
// one window in which the machine stood still would hide the next anomalies from a mean for seconds.
#pragma once

#include "policies/trace.hpp"

#include <functional>

namespace duende {

inline constexpr double default_z_score = 4, lowest_z_score = 0.5, highest_z_score = 1000;
inline constexpr duration trace_window = std::chrono::milliseconds{100};

/// Of one call, in one window.
struct window_figures {
  std::uint64_t count = 0, errors = 0;
  duration time{};    ///< of the calls that ended
  duration pending{}; ///< of the longest call that has not ended yet; 0: none
};

/// The last values of something, their middle and how far they usually are from it.
class baseline {
public:
  static constexpr std::size_t capacity = 50, enough = 8;

  void add(double value);
  std::size_t size() const { return size_; }
  double median() const;
  double deviation() const;
  /// How far `value` is from the median, with at least `least` as the standard deviation. 0 while there are not enough values.
  double z(double value, double least) const;

private:
  std::array<double, capacity> values_{};
  std::size_t size_ = 0, next_ = 0;
};

/// Takes window after window, for all calls in any order. Holds a bounded number of anomalies.
class anomaly_watch {
public:
  static constexpr std::size_t most_anomalies = 256;

  explicit anomaly_watch(double threshold) : threshold_(threshold) {}

  /// `begun` is called for an anomaly that was not there in the windows before.
  void look(
    const std::string& call, duration from, duration to, const window_figures& window,
    const std::function<void(const trace_anomaly&)>& begun);
  const std::vector<trace_anomaly>& found() const { return found_; }

private:
  struct history {
    baseline latency, rate, errors;
  };
  void judge(trace_anomaly candidate, const std::function<void(const trace_anomaly&)>& begun);

  double threshold_;
  std::map<std::string, history, std::less<>> calls_;
  std::vector<trace_anomaly> found_;
};

} // namespace duende
