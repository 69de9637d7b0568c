// The thread of a reactor: tasks, timers, descriptors, sleep.
#include "core/reactor_impl.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <pthread.h>
#include <sys/epoll.h>
#include <utility>

namespace duende {

namespace {

using batch = std::array<epoll_event, 128>;

/// Waits until an event or `timeout` (none: for ever). Rounds up, so that a timer is due when the wait is over.
int wait_for_events(int epoll_fd, batch& events, std::optional<duration> timeout) {
  static std::atomic<bool> have_pwait2{true};
  auto size = static_cast<int>(events.size());
  if (have_pwait2.load(std::memory_order_relaxed)) {
    timespec limit{};
    if (timeout) {
      limit.tv_sec = static_cast<time_t>(timeout->count() / 1'000'000'000);
      limit.tv_nsec = static_cast<long>(timeout->count() % 1'000'000'000);
    }
    auto n = ::epoll_pwait2(epoll_fd, events.data(), size, timeout ? &limit : nullptr, nullptr);
    if (n >= 0 || (errno != ENOSYS && errno != EPERM)) {
      return n;
    }
    have_pwait2.store(false, std::memory_order_relaxed); // an old kernel, or a container's filter
  }
  int milliseconds = -1;
  if (timeout) {
    auto count = std::chrono::ceil<std::chrono::milliseconds>(*timeout).count();
    milliseconds = count > INT_MAX ? INT_MAX : static_cast<int>(count);
  }
  return ::epoll_wait(epoll_fd, events.data(), size, milliseconds);
}

} // namespace

void reactor::impl::run() {
  thread_id.store(std::this_thread::get_id());
  ::pthread_setname_np(::pthread_self(), "reactor");
  batch events;
  std::vector<task> task_scratch;
  std::vector<timer_heap::id> timer_scratch;
  for (;;) {
    run_tasks(task_scratch);
    run_timers(timer_scratch);
    std::optional<duration> timeout;
    {
      std::unique_lock lock(mutex);
      if (stopping) {
        return;
      }
      timeout = prepare_sleep();
    }
    auto count = wait_for_events(epoll_fd, events, timeout);
    {
      std::unique_lock lock(mutex);
      asleep = false;
      if (stopping) {
        return;
      }
    }
    for (int i = 0; i < count; ++i) {
      dispatch(events[static_cast<std::size_t>(i)]);
    }
  }
}

void reactor::impl::run_tasks(std::vector<task>& scratch) {
  {
    std::unique_lock lock(mutex);
    scratch.swap(tasks);
  }
  for (auto& fn : scratch) {
    fn();
    fn = nullptr; // what it holds dies now, not with the last of the batch
  }
  scratch.clear();
  if (scratch.capacity() > 1024) {
    scratch.shrink_to_fit();
  }
}

// The due ones are collected first: a timer that sets itself again for the past can't keep the loop from descriptors.
void reactor::impl::run_timers(std::vector<timer_heap::id>& scratch) {
  {
    std::unique_lock lock(mutex);
    if (timers.empty()) {
      return;
    }
    timers.collect_due(monotonic_now(), scratch);
  }
  for (auto id : scratch) {
    task fn;
    {
      std::unique_lock lock(mutex);
      fn = timers.take(id);
    }
    if (fn) {
      fn();
    }
  }
  scratch.clear();
  if (scratch.capacity() > 1024) {
    scratch.shrink_to_fit();
  }
}

std::optional<duration> reactor::impl::prepare_sleep() {
  asleep_until = timers.earliest();
  if (!tasks.empty()) {
    return duration{0};
  }
  if (!asleep_until) {
    asleep = true;
    return std::nullopt;
  }
  auto now = monotonic_now();
  if (*asleep_until <= now) {
    return duration{0};
  }
  asleep = true;
  return *asleep_until - now;
}

void reactor::impl::dispatch(const epoll_event& event) {
  if (event.data.u64 == wake_key) {
    std::uint64_t count = 0;
    [[maybe_unused]] auto n = ::read(wake_fd, &count, sizeof count);
    return;
  }
  auto fd = static_cast<std::uint32_t>(event.data.u64);
  auto generation = static_cast<std::uint32_t>(event.data.u64 >> 32);
  std::shared_ptr<handler> on_events;
  {
    std::unique_lock lock(mutex);
    if (fd >= watches.size() || watches[fd].generation != generation) {
      return; // removed earlier in this batch, and perhaps the number is in use again
    }
    on_events = watches[fd].on_events;
  }
  (*on_events)(event.events);
}

} // namespace duende
