// A callback that a worker may deliver to and its owner may take back, whichever comes first.
#pragma once

#include <functional>
#include <mutex>
#include <utility>

namespace duende {

/// Thread-safe. The function runs under the lock: after `cancel` has returned it neither runs nor will run. It must be short and
/// must not touch the one_shot.
template <class T>
class one_shot {
public:
  explicit one_shot(std::function<void(T)> fn) : fn_(std::move(fn)) {}

  void deliver(T value) {
    std::unique_lock lock(mutex_);
    if (auto fn = std::exchange(fn_, nullptr)) {
      fn(std::move(value));
    }
  }

  void cancel() {
    std::unique_lock lock(mutex_);
    fn_ = nullptr;
  }

  bool wanted() const {
    std::unique_lock lock(mutex_);
    return fn_ != nullptr;
  }

private:
  mutable std::mutex mutex_;
  std::function<void(T)> fn_;
};

} // namespace duende
