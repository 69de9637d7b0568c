// One-shot timers by their time: a binary heap over reusable slots. O(log n) to add and to cancel, 88 bytes per timer.
#pragma once

#include "core/time.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace duende {

/// Not thread-safe. Ids are never zero and are not used again for 2^32 additions.
class timer_heap {
public:
  using id = std::uint64_t;
  using task = std::function<void()>;

  id add(instant when, task fn);
  /// The cancelled timer's task, for the caller to destroy outside of its lock; empty for an unknown id.
  task cancel(id timer);

  bool empty() const { return heap_.empty(); }
  std::optional<instant> earliest() const;

  /// Appends the timers due at `now`, in order of time and addition, to `out`. They stay cancellable until taken.
  void collect_due(instant now, std::vector<id>& out);
  /// The task of a collected timer, which is forgotten by this; empty where it was cancelled since.
  task take(id timer) { return cancel(timer); }
  /// Drops one arbitrary timer and returns its task; empty where none is left.
  task drop_any();

private:
  static constexpr std::uint32_t not_in_heap = UINT32_MAX;

  struct slot {
    std::uint32_t generation = 0; ///< 0: free
    std::uint32_t position = not_in_heap;
    task fn;
  };

  struct node {
    instant when;
    std::uint64_t order;
    std::uint32_t slot;
    bool operator<(const node& other) const { return when != other.when ? when < other.when : order < other.order; }
  };

  void place(std::size_t position, node value);
  void sift_up(std::size_t position, node value);
  void sift_down(std::size_t position, node value);
  void remove_at(std::size_t position);

  std::vector<node> heap_;
  std::vector<slot> slots_;
  std::vector<std::uint32_t> free_;
  std::uint64_t next_order_ = 0;
  std::uint32_t next_generation_ = 0;
};

} // namespace duende
