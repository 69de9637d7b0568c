// The /proc observer of a node: one actor that samples the daemons' processes into bounded rings. It does not exist until samples
// are asked for, and sleeps between them.
//
// Who wants samples says so by one of three ways:
//   settings.interval   every process of the node, always ([node] sample_interval)
//   subscribe           one daemon, until the token is let go: a callback with each sample
//   history             one daemon, as long as somebody asks: each question keeps it going for `lease_time`
#pragma once

#include "core/errc.hpp"
#include "core/uuid.hpp"
#include "monitors/observer/observation.hpp"

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace duende {

struct history_query {
  duration last = std::chrono::minutes{5};
  duration interval{}; ///< how often to sample from now on, while asked; 0: as it is done already, else each second
};

struct sample_history {
  /// Oldest first: every sample taken within the time asked for that the ring still holds, and no other.
  std::vector<process_sample> samples;
  std::optional<process_sample> before; ///< the one before the first of them
  duration interval{};                  ///< at which they are taken now; 0: the daemon has no process
};

/// Thread-safe. All of a daemon is by its id: what was asked for outlives its incarnations.
class process_observer {
public:
  struct settings {
    duration interval{}; ///< of all daemons; 0: only those somebody asks for
    duration history = std::chrono::minutes{5};
  };
  /// Calls the function once after the time, on a thread that must not be held up.
  using timer = std::function<void(duration, std::function<void()>)>;
  /// On the observer's thread, which must not be held up. `before` is the sample before it of the same process, or null.
  using on_sample = std::function<void(const process_sample& now, const process_sample* before)>;

  static constexpr duration lease_time = std::chrono::minutes{1};
  static constexpr duration shortest_interval = std::chrono::milliseconds{10};

  process_observer(caf::actor_system& system, settings how, timer after);
  ~process_observer();
  process_observer(const process_observer&) = delete;
  process_observer& operator=(const process_observer&) = delete;

  /// From supervisors: the daemon lives as that process from now on; 0: it has ended. Costs nothing where no samples are wanted.
  void lives(const uuid& id, pid_t pid);
  /// The daemon is no more, its samples neither.
  void forget(const uuid& id);

  /// A sample of the daemon every `interval` or a little more often, in all its lives, until the token is let go (after that `fn` may
  /// be called once more). `pid` is its process now, 0 for none. Nothing is said of the end of a process.
  [[nodiscard]] std::shared_ptr<void> subscribe(const uuid& id, pid_t pid, duration interval, on_sample fn);

  /// Calls `fn` once, soon, with the newest `most` samples of that process, oldest first; with none where nothing was sampled.
  void recent(const uuid& id, pid_t pid, std::size_t most, std::function<void(std::vector<process_sample>)> fn);

  /// Blocks until the observer has answered, 10 s at the most: not for actors. Errors: timed_out, wrong_state at the node's end.
  caf::expected<sample_history> history(const uuid& id, pid_t pid, const history_query& query);

  /// Ends the actor.
  void stop();

  struct shared; ///< with the actor

private:
  bool is_wanted() const;
  caf::actor handle();

  caf::actor_system& system_;
  std::shared_ptr<shared> shared_;
  std::mutex mutex_;
  caf::actor actor_; ///< guarded by mutex_
  bool stopped_ = false;
};

} // namespace duende
