// A value that few have: a null pointer for most, on the heap for the rest.
#pragma once

#include <memory>
#include <utility>

namespace duende {

/// Copied and compared by what it holds, as std::optional is, at the size of a pointer.
template <class T>
class boxed {
public:
  boxed() = default;
  boxed(const boxed& other) : held_(other.held_ ? std::make_unique<T>(*other.held_) : nullptr) {}
  boxed(boxed&&) noexcept = default;
  boxed& operator=(const boxed& other) {
    if (this != &other)
      held_ = other.held_ ? std::make_unique<T>(*other.held_) : nullptr;
    return *this;
  }
  boxed& operator=(boxed&&) noexcept = default;

  explicit operator bool() const { return held_ != nullptr; }
  const T& operator*() const { return *held_; }
  const T* operator->() const { return held_.get(); }
  T* operator->() { return held_.get(); }
  /// The value, made where there is none.
  T& obtain() {
    if (!held_)
      held_ = std::make_unique<T>();
    return *held_;
  }
  void reset() { held_.reset(); }

  friend bool operator==(const boxed& a, const boxed& b) {
    return a.held_ && b.held_ ? *a == *b : !a.held_ && !b.held_;
  }

private:
  std::unique_ptr<T> held_;
};

} // namespace duende
