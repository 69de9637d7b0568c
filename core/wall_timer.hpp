// Timers by the clock on the wall, which somebody may set: for schedules. Delays belong to reactor::after.
#pragma once

#include "core/reactor.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>

namespace duende {

/// One timerfd for all (CLOCK_REALTIME, cancelled when the clock is set), made with the first timer. All members are thread-safe.
/// Source: timerfd_create(2), TFD_TIMER_CANCEL_ON_SET.
class wall_timers {
public:
  using id = std::uint64_t;
  /// Called once on the reactor's thread: at its time (`due`), or because the clock was set before that time came.
  using handler = std::function<void(bool due)>;

  explicit wall_timers(reactor& io) : io_(io) {}
  /// Only when the reactor has gone, on whose thread handlers run.
  ~wall_timers();
  wall_timers(const wall_timers&) = delete;
  wall_timers& operator=(const wall_timers&) = delete;

  /// Zero where the kernel refuses a descriptor; then nothing is called.
  id at(wall_time when, handler fn);
  /// Unknown ids are ignored; a call under way goes on.
  void cancel(id timer);
  /// As if somebody had set the clock: what is due is called as such, all others likewise.
  void clock_was_set() { fire(true); }

private:
  bool open();
  void set();
  void fire(bool clock_set);

  reactor& io_;
  std::mutex mutex_;
  int fd_ = -1;
  id next_ = 1;
  std::multimap<wall_time, std::pair<id, handler>> timers_;
};

} // namespace duende
