// The processes under observation, each with its newest samples, and when each is due. Who calls it gives the times.
#pragma once

#include "core/uuid.hpp"
#include "monitors/observer/process_eye.hpp"
#include "monitors/observer/ring.hpp"

#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

namespace duende {

/// Rings hold no more samples than this, whatever history and interval would ask for.
inline constexpr std::size_t most_samples = 16384;

/// Not thread-safe. Samples of one interval fall together, at its multiples, so that a node wakes once for all of them.
class observation {
public:
  /// Rings cover `history` at the interval of their daemon. Of descriptors no more than `descriptors` are kept open.
  observation(duration history, std::size_t descriptors) : history_(history), descriptors_(descriptors) {}

  /// Daemon `id` lives as that process, which began by then (see process_eye::open); 0: as none. Nothing is read before an interval
  /// is set.
  void bind(const uuid& id, pid_t pid, std::uint64_t begun_by);
  /// 0: no more samples. What is there stays.
  void set_interval(const uuid& id, duration interval, instant now);
  void forget(const uuid& id);

  /// It is bound to a process that had not ended when it was last looked at.
  bool lives(const uuid& id) const;
  bool knows(const uuid& id) const { return entries_.contains(id); }
  duration interval(const uuid& id) const;
  /// Null where there is none. Until the next call that changes something.
  const ring<process_sample>* samples(const uuid& id) const;

  /// When the next sample is due; none where nothing is to be read.
  std::optional<instant> due() const;
  /// Takes samples that are due, `most` of them at the most, and calls `on_sample(id, ring)` after each. Returns whether more are due.
  /// Never allocates for a process that it has seen before.
  using sample_handler = std::function<void(const uuid&, const ring<process_sample>&)>;
  bool look(instant now, wall_time wall, std::size_t most, const sample_handler& on_sample = {});

  std::size_t size() const { return entries_.size(); }
  std::size_t open_descriptors() const { return open_; }

private:
  struct entry {
    uuid id;
    pid_t pid = 0; ///< 0: no process
    std::uint64_t begun_by = 0;
    bool rebound = false; ///< `eye` is to be opened
    process_eye eye;
    duration interval{};
    instant due = instant::max();
    ring<process_sample> samples;
  };

  void open_eye(entry& e);
  void close_eye(entry& e);
  void plan(entry& e, instant now);

  std::unordered_map<uuid, std::unique_ptr<entry>> entries_;
  std::vector<entry*> order_; ///< for walking, and for going on where the last call stopped
  std::size_t next_ = 0;
  duration history_;
  std::size_t descriptors_, open_ = 0;
};

} // namespace duende
