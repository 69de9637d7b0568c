// Waiting for what other threads do, with a bound.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

namespace duende {

/// A value that another thread sets once.
template <class T>
class waiting_for {
public:
  void set(T value) {
    std::lock_guard lock{mutex_};
    value_ = std::move(value);
    changed_.notify_all();
  }
  /// The value, or none where it did not come in time.
  std::optional<T> get(std::chrono::milliseconds bound = std::chrono::seconds{20}) {
    std::unique_lock lock{mutex_};
    changed_.wait_for(lock, bound, [&] { return value_.has_value(); });
    return value_;
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<T> value_;
};

/// Whether `condition` came true within the bound; for what has no event to wait for.
template <class F>
bool eventually(F condition, std::chrono::milliseconds bound = std::chrono::seconds{20}) {
  const auto end = std::chrono::steady_clock::now() + bound;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end)
      return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }
  return true;
}

} // namespace duende
