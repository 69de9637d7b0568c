#include "core/timer_heap.hpp"

#include <utility>

namespace duende {

timer_heap::id timer_heap::add(instant when, task fn) {
  if (++next_generation_ == 0) {
    ++next_generation_;
  }
  std::uint32_t index = 0;
  if (free_.empty()) {
    index = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  slots_[index].generation = next_generation_;
  slots_[index].fn = std::move(fn);
  node value{when, next_order_++, index};
  heap_.push_back(value);
  sift_up(heap_.size() - 1, value);
  return (static_cast<id>(next_generation_) << 32) | index;
}

timer_heap::task timer_heap::cancel(id timer) {
  auto index = static_cast<std::uint32_t>(timer);
  auto generation = static_cast<std::uint32_t>(timer >> 32);
  if (generation == 0 || index >= slots_.size() || slots_[index].generation != generation) {
    return {};
  }
  auto& entry = slots_[index];
  if (entry.position != not_in_heap) {
    remove_at(entry.position);
  }
  task fn = std::exchange(entry.fn, nullptr);
  entry.generation = 0;
  entry.position = not_in_heap;
  free_.push_back(index);
  // After a storm its memory goes back; generations go on counting, so old ids stay unknown.
  constexpr std::size_t worth_returning = 1024;
  if (free_.size() == slots_.size() && slots_.size() > worth_returning) {
    std::vector<slot>().swap(slots_);
    std::vector<std::uint32_t>().swap(free_);
    std::vector<node>().swap(heap_);
  }
  return fn;
}

std::optional<instant> timer_heap::earliest() const {
  return heap_.empty() ? std::nullopt : std::optional(heap_.front().when);
}

void timer_heap::collect_due(instant now, std::vector<id>& out) {
  while (!heap_.empty() && heap_.front().when <= now) {
    auto index = heap_.front().slot;
    remove_at(0);
    slots_[index].position = not_in_heap;
    out.push_back((static_cast<id>(slots_[index].generation) << 32) | index);
  }
}

timer_heap::task timer_heap::drop_any() {
  if (heap_.empty()) {
    return {};
  }
  auto index = heap_.back().slot;
  return cancel((static_cast<id>(slots_[index].generation) << 32) | index);
}

void timer_heap::place(std::size_t position, node value) {
  heap_[position] = value;
  slots_[value.slot].position = static_cast<std::uint32_t>(position);
}

void timer_heap::sift_up(std::size_t position, node value) {
  while (position > 0) {
    auto parent = (position - 1) / 2;
    if (!(value < heap_[parent])) {
      break;
    }
    place(position, heap_[parent]);
    position = parent;
  }
  place(position, value);
}

void timer_heap::sift_down(std::size_t position, node value) {
  for (;;) {
    auto child = 2 * position + 1;
    if (child >= heap_.size()) {
      break;
    }
    if (child + 1 < heap_.size() && heap_[child + 1] < heap_[child]) {
      ++child;
    }
    if (!(heap_[child] < value)) {
      break;
    }
    place(position, heap_[child]);
    position = child;
  }
  place(position, value);
}

void timer_heap::remove_at(std::size_t position) {
  node last = heap_.back();
  heap_.pop_back();
  if (position == heap_.size()) {
    return;
  }
  if (position > 0 && last < heap_[(position - 1) / 2]) {
    sift_up(position, last);
  } else {
    sift_down(position, last);
  }
}

} // namespace duende
