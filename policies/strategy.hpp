// Who else is restarted when one child is: OTP's strategies over children in start order.
#pragma once

#include "core/state.hpp"

#include <cstddef>

namespace duende {

/// The children that restart together: [first, last) in start order, `failed` among them. `failed` has ended already.
/// Before the first start all others of the group are stopped, in reverse start order; then the group starts in start order.
/// Children of the group that nobody wants up (stopped by an operator, completed) are skipped by the caller.
struct restart_group {
  std::size_t first = 0;
  std::size_t last = 0;
  std::size_t failed = 0;

  std::size_t size() const { return last - first; }
  bool alone() const { return size() == 1; }

  /// Calls `f(index)` for each child to stop, in stop order.
  template <class F>
  void each_to_stop(F&& f) const {
    for (std::size_t i = last; i > first; --i)
      if (i - 1 != failed)
        f(i - 1);
  }
  /// Calls `f(index)` for each child to start, in start order.
  template <class F>
  void each_to_start(F&& f) const {
    for (std::size_t i = first; i < last; ++i)
      f(i);
  }
  bool operator==(const restart_group&) const = default;
};

/// one_for_one: the child alone. one_for_all: all. rest_for_one: the child and those started after it.
/// `failed` < `children`. Source: supervisor(3) of Erlang/OTP, "Restart Strategy".
constexpr restart_group group_of(strategy how, std::size_t children, std::size_t failed) {
  switch (how) {
    case strategy::one_for_all: return {0, children, failed};
    case strategy::rest_for_one: return {failed, children, failed};
    case strategy::one_for_one: break;
  }
  return {failed, failed + 1, failed};
}

/// True where children start one after another, each when its predecessor is ready; false where all start at once.
constexpr bool starts_in_order(strategy how) { return how != strategy::one_for_one; }

} // namespace duende
