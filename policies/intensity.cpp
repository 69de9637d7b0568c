#include "policies/intensity.hpp"

#include "core/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <new>

namespace duende {

// Header and slots in one block: a node may hold 100,000 of these.
struct alignas(instant) restart_window::ring {
  std::uint32_t capacity;
  std::uint32_t head = 0; ///< the oldest
  std::uint32_t size = 0;

  explicit ring(std::uint32_t n) : capacity(n) {}

  instant* slots() { return reinterpret_cast<instant*>(this + 1); }
  instant& at(std::uint32_t i) {
    const std::uint64_t index = std::uint64_t{head} + i;
    return slots()[index < capacity ? index : index - capacity];
  }
  void drop_oldest() {
    head = head + 1 == capacity ? 0 : head + 1;
    --size;
  }
};

namespace {
constexpr std::uint32_t first_capacity = 4;
}

restart_window::ring* restart_window::make_ring(std::uint32_t capacity) {
  static_assert(sizeof(ring) % alignof(instant) == 0);
  return new (::operator new (sizeof(ring) + sizeof(instant) * std::size_t{capacity})) ring{capacity};
}

void restart_window::free_ring::operator()(ring* r) const { ::operator delete(r); }

void restart_window::forget(instant now, duration window) {
  auto& r = *ring_;
  while (r.size > 0 && r.at(r.size - 1) > now)
    --r.size;
  while (r.size > 0 && now - r.at(0) > window)
    r.drop_oldest();
}

void restart_window::push(instant at, std::uint32_t limit) {
  if (!ring_)
    ring_.reset(make_ring(std::min(first_capacity, std::max(limit, 1u))));
  if (ring_->size == ring_->capacity) {
    const auto wanted = std::min<std::uint64_t>(std::uint64_t{ring_->capacity} * 2, std::max(limit, ring_->size + 1));
    std::unique_ptr<ring, free_ring> larger{make_ring(static_cast<std::uint32_t>(wanted))};
    for (std::uint32_t i = 0; i < ring_->size; ++i)
      new (larger->slots() + i) instant{ring_->at(i)};
    larger->size = ring_->size;
    ring_ = std::move(larger);
  }
  new (&ring_->at(ring_->size)) instant{at};
  ++ring_->size;
}

bool restart_window::admit(instant now, const intensity_limit& limit) {
  if (count(now, limit) >= limit.restarts)
    return false;
  push(now, limit.restarts);
  return true;
}

std::uint32_t restart_window::count(instant now, const intensity_limit& limit) {
  if (!ring_)
    return 0;
  forget(now, limit.window);
  if (ring_->size == 0 && ring_->capacity > first_capacity)
    ring_.reset();
  return ring_ ? ring_->size : 0;
}

std::vector<instant> restart_window::recent(std::uint32_t most) const {
  std::vector<instant> result;
  if (ring_) {
    auto count = std::min(most, ring_->size);
    result.reserve(count);
    for (std::uint32_t i = ring_->size - count; i < ring_->size; ++i)
      result.push_back(ring_->at(i));
  }
  return result;
}

void restart_window::restore(std::span<const instant> instants) {
  clear();
  for (auto at : instants)
    push(at, static_cast<std::uint32_t>(instants.size()));
}

std::string restart_window::refusal(const intensity_limit& limit) {
  const auto window = format_duration(limit.window);
  return fmt::format(
    "{} restart{} in {}, the limit is {} in {}", limit.restarts, limit.restarts == 1 ? "" : "s", window, limit.restarts,
    window);
}

} // namespace duende
