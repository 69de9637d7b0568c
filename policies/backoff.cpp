#include "policies/backoff.hpp"

#include <algorithm>
#include <cmath>

namespace duende {
namespace {

// SplitMix64 (Steele, Lea, Flood 2014): neighbouring seeds give unrelated values.
std::uint64_t mixed(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

double unit_interval(std::uint64_t seed) { return static_cast<double>(mixed(seed) >> 11) * 0x1.0p-53; }

duration clamped(double nanoseconds, duration cap) {
  // Written so that NaN and infinity end at the cap.
  if (!(nanoseconds < static_cast<double>(cap.count())))
    return cap;
  return duration{static_cast<duration::rep>(std::max(nanoseconds, 0.0))};
}

} // namespace

duration backoff_delay(const restart_policy& policy, std::uint32_t nth) {
  const auto cap = std::max(policy.max_delay, duration::zero());
  if (nth <= 1)
    return std::clamp(policy.initial_delay, duration::zero(), cap);
  const auto first = std::clamp(policy.next_delay, duration::zero(), cap);
  if (nth == 2 || first == duration::zero())
    return first;
  const double factor = policy.multiplier > 1 ? std::pow(policy.multiplier, nth - 2) : 1;
  return clamped(static_cast<double>(first.count()) * factor, cap);
}

duration jittered(duration delay, double share, duration cap, std::uint64_t seed) {
  if (delay <= duration::zero() || !(share > 0))
    return std::max(delay, duration::zero());
  const auto middle = static_cast<double>(delay.count());
  const double spread = middle * std::min(share, 1.0);
  const double low = middle - spread;
  const double high = std::max(low, std::min(middle + spread, static_cast<double>(cap.count())));
  return clamped(low + (high - low) * unit_interval(seed), std::max(cap, delay));
}

} // namespace duende
