// For daemons inside a program: call what may fail through a breaker, hold a rate, hand work on without drowning in it.
#pragma once

#include "core/errc.hpp"
#include "policies/breaker.hpp"
#include "policies/rate_limit.hpp"

#include <caf/expected.hpp>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

namespace duende {

namespace detail {
template <class R>
struct as_expected {
  using type = caf::expected<R>;
};
template <class T>
struct as_expected<caf::expected<T>> {
  using type = caf::expected<T>;
};
} // namespace detail

/// A breaker (policies/breaker.hpp) for calls from any thread: after failure_threshold failures in a row calls are refused at once,
/// after recovery_timeout one at a time is let through, and success_threshold of those close it again. All members are thread-safe.
class circuit_breaker {
public:
  explicit circuit_breaker(breaker_limits limits = {}) : breaker_(limits) {}

  /// Calls `f`. An error it returns, or an exception, is a failure and becomes the result; anything else is a success.
  /// Errors: those of `f`; limit_reached "circuit breaker open for 12s more after 5 failures in a row" where it was not called;
  /// internal with the words of an exception. None leaves this function.
  template <class F>
  auto call(F&& f) -> typename detail::as_expected<std::invoke_result_t<F>>::type {
    using result = typename detail::as_expected<std::invoke_result_t<F>>::type;
    auto admitted = admit();
    if (!admitted)
      return std::move(admitted.error());
    try {
      if constexpr (std::is_void_v<std::invoke_result_t<F>>) {
        std::forward<F>(f)();
        outcome(*admitted, true);
        return caf::unit;
      } else {
        result made = std::forward<F>(f)();
        outcome(*admitted, static_cast<bool>(made));
        return made;
      }
    } catch (const std::exception& error) {
      outcome(*admitted, false);
      return fail(errc::internal, "threw an exception: {}", error.what());
    } catch (...) {
      outcome(*admitted, false);
      return make_error(errc::internal, "threw an exception of unknown type");
    }
  }

  /// For calls that end elsewhere: a ticket, to be handed back once. Error: limit_reached.
  caf::expected<breaker::ticket> admit();
  void outcome(breaker::ticket call, bool success);
  /// The call was not made after all.
  void abandon(breaker::ticket call);

  breaker_state state() const;

private:
  mutable std::mutex mutex_;
  breaker breaker_;
};

/// A token bucket (policies/rate_limit.hpp) with a clock. All members are thread-safe.
class rate_limiter {
public:
  rate_limiter(double per_second, double burst) : bucket_(per_second, burst) {}

  /// Takes `tokens`, or none of them. Never waits.
  bool try_acquire(double tokens = 1);
  /// Waits for them, at most `patience`: false, at once, where they will not have come by then.
  bool acquire(duration patience, double tokens = 1);

private:
  std::mutex mutex_;
  token_bucket bucket_;
};

/// First in, first out, never more than `capacity`: whoever puts too much in waits (backpressure) or is refused. All members are
/// thread-safe.
template <class T>
class bounded_queue {
public:
  /// `capacity` of 0 counts as 1.
  explicit bounded_queue(std::size_t capacity) : capacity_(capacity == 0 ? 1 : capacity) {}

  /// Never waits. Errors: limit_reached where it is full, canceled where it is closed; `item` is gone then.
  caf::expected<void> try_push(T item) { return push(std::move(item), duration::zero()); }
  /// Waits for room, at most `patience`. Errors: timed_out, canceled.
  caf::expected<void> push(T item, duration patience) {
    std::unique_lock lock{mutex_};
    auto has_room = [&] { return closed_ || items_.size() < capacity_; };
    if (!has_room() && (patience <= duration::zero() || !changed_.wait_for(lock, patience, has_room)))
      return patience <= duration::zero() ? fail(errc::limit_reached, "the queue is full: {} wait in it", capacity_)
                                          : fail(errc::timed_out, "the queue stays full: {} wait in it", capacity_);
    if (closed_)
      return make_error(errc::canceled, "the queue is closed");
    items_.push_back(std::move(item));
    changed_.notify_all();
    return caf::unit;
  }
  /// The oldest one; none where none comes within `patience`, or the queue is closed and empty.
  std::optional<T> pop(duration patience = duration::zero()) {
    std::unique_lock lock{mutex_};
    changed_.wait_for(lock, patience, [&] { return closed_ || !items_.empty(); });
    if (items_.empty())
      return std::nullopt;
    std::optional<T> result{std::move(items_.front())};
    items_.pop_front();
    changed_.notify_all();
    return result;
  }
  /// Nothing comes in any more; what is in it can be taken out.
  void close() {
    std::lock_guard lock{mutex_};
    closed_ = true;
    changed_.notify_all();
  }
  std::size_t size() const {
    std::lock_guard lock{mutex_};
    return items_.size();
  }
  std::size_t capacity() const { return capacity_; }

private:
  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> items_;
  bool closed_ = false;
};

} // namespace duende
