// One epoll thread for a node: descriptors and timers of probes, the keeper's socket, notify sockets. Never polls.
#pragma once

#include "core/time.hpp"

#include <cstdint>
#include <functional>
#include <memory>

namespace duende {

class reactor {
public:
  /// Called on the reactor's thread with the epoll events that came. Must not block; may call add, modify, remove.
  using handler = std::function<void(std::uint32_t events)>;
  using task = std::function<void()>;
  using timer_id = std::uint64_t;

  /// Starts the thread, with every signal blocked. Throws std::system_error where the kernel refuses descriptors or the thread.
  reactor();
  /// Stops and joins the thread. Handlers still registered are dropped, their descriptors stay open: they belong to the caller.
  ~reactor();
  reactor(const reactor&) = delete;
  reactor& operator=(const reactor&) = delete;

  /// Watches `fd` (level-triggered) for `events` (EPOLLIN, ...). False with errno set where epoll refuses. Thread-safe.
  bool add(int fd, std::uint32_t events, handler on_events);
  bool modify(int fd, std::uint32_t events);
  /// After return on the reactor's thread, or after a later `post` has run, the handler is not called again.
  /// Call it before closing `fd`: a forked child may keep the open file alive. Thread-safe.
  void remove(int fd);

  /// Runs `fn` on the reactor's thread soon. Thread-safe.
  void post(task fn);
  /// Runs `fn` at `when` (monotonic), once. Thread-safe.
  timer_id at(instant when, task fn);
  timer_id after(duration delay, task fn) { return at(monotonic_now() + delay, std::move(fn)); }
  /// After return on the reactor's thread the timer does not fire. Thread-safe; unknown ids are ignored.
  void cancel(timer_id id);

  bool on_reactor_thread() const;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace duende
