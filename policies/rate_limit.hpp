// Token bucket: how often something may happen.
#pragma once

#include "core/time.hpp"

namespace duende {

/// `per_second` tokens flow in, at most `burst` are kept; it begins full. Over any span of t seconds at most burst + per_second * t
/// are admitted. Time that goes back counts as none. Not thread-safe; no clock of its own.
class token_bucket {
public:
  /// Values that are negative or no numbers count as 0.
  token_bucket(double per_second, double burst);

  /// Takes `tokens` out, or nothing at all where there are less.
  bool admit(instant now, double tokens = 1);
  /// How long until that many can be had, if nobody else takes some: 0 now, duration::max() never.
  duration wait(instant now, double tokens = 1) const;

private:
  double filled(instant now) const;

  double per_second_, burst_, tokens_;
  instant at_{};
};

} // namespace duende
