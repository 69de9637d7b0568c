// The newest N of something: when it is full, what is pushed takes the place of the oldest.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

namespace duende {

/// All its memory is reserved at once (and taken from the system as it fills); push and pop are O(1) and never allocate.
/// Not thread-safe.
template <class T>
class ring {
  static_assert(std::is_trivially_copyable_v<T>);

public:
  ring() = default;
  explicit ring(std::size_t capacity)
    : items_(static_cast<T*>(::operator new (capacity * sizeof(T), std::align_val_t{alignof(T)}))),
      capacity_(capacity) {}

  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }

  void push(const T& item) {
    if (capacity_ == 0)
      return;
    auto end = first_ + size_;
    std::construct_at(items_.get() + (end >= capacity_ ? end - capacity_ : end), item);
    if (size_ < capacity_)
      ++size_;
    else
      first_ = first_ + 1 == capacity_ ? 0 : first_ + 1;
  }

  /// Takes the oldest; false where there is none.
  bool pop(T& into) {
    if (size_ == 0)
      return false;
    into = (*this)[0];
    first_ = first_ + 1 == capacity_ ? 0 : first_ + 1;
    --size_;
    return true;
  }

  /// 0 is the oldest.
  const T& operator[](std::size_t i) const {
    i += first_;
    return items_.get()[i >= capacity_ ? i - capacity_ : i];
  }
  const T& back() const { return (*this)[size_ - 1]; }

  /// The first of those, oldest first, for which `late` holds, as it does for all after it; size() where there is none.
  template <class Predicate>
  std::size_t first_where(Predicate late) const {
    std::size_t low = 0, high = size_;
    while (low < high) {
      auto middle = low + (high - low) / 2;
      if (late((*this)[middle]))
        high = middle;
      else
        low = middle + 1;
    }
    return low;
  }

  /// Room for another number of items; the newest stay.
  void resize(std::size_t capacity) {
    ring other{capacity};
    for (std::size_t i = size_ > capacity ? size_ - capacity : 0; i < size_; ++i)
      other.push((*this)[i]);
    *this = std::move(other);
  }

  ring(ring&& other) noexcept { *this = std::move(other); }
  ring& operator=(ring&& other) noexcept {
    items_.swap(other.items_);
    std::swap(capacity_, other.capacity_);
    std::swap(first_, other.first_);
    std::swap(size_, other.size_);
    return *this;
  }

private:
  struct release {
    void operator()(T* items) const { ::operator delete (items, std::align_val_t{alignof(T)}); }
  };

  std::unique_ptr<T, release> items_;
  std::size_t capacity_ = 0, first_ = 0, size_ = 0;
};

} // namespace duende
