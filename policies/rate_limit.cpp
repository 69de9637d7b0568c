#include "policies/rate_limit.hpp"

#include <algorithm>

namespace duende {
namespace {

double at_least_zero(double x) { return x > 0 ? x : 0; }
/// What sums of fractions lose: a billionth of a token is one that has come.
constexpr double slack = 1e-9;

} // namespace

token_bucket::token_bucket(double per_second, double burst)
  : per_second_(at_least_zero(per_second)), burst_(at_least_zero(burst)), tokens_(burst_) {}

double token_bucket::filled(instant now) const {
  if (at_ == instant{} || now <= at_)
    return tokens_;
  return std::min(burst_, tokens_ + per_second_ * std::chrono::duration<double>(now - at_).count());
}

bool token_bucket::admit(instant now, double tokens) {
  tokens_ = filled(now);
  at_ = std::max(at_, now);
  if (tokens_ + slack < tokens)
    return false;
  tokens_ = at_least_zero(tokens_ - tokens);
  return true;
}

duration token_bucket::wait(instant now, double tokens) const {
  const auto missing = tokens - filled(now);
  if (missing <= slack)
    return duration::zero();
  if (tokens > burst_ + slack || per_second_ <= 0)
    return duration::max();
  const auto seconds = missing / per_second_;
  constexpr double longest = 9e9; // of what a duration can hold
  return seconds >= longest ? duration::max() : std::chrono::ceil<duration>(std::chrono::duration<double>(seconds));
}

} // namespace duende
