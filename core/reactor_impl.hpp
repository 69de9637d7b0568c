// What the calls and the thread of a reactor share. Private to reactor*.cpp.
#pragma once

#include "core/reactor.hpp"
#include "core/timer_heap.hpp"

#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <unistd.h>
#include <vector>

struct epoll_event;

namespace duende {

struct reactor::impl {
  struct watch {
    std::uint32_t generation = 0; ///< 0: not watched
    std::shared_ptr<handler> on_events;
  };

  /// Of the eventfd; no descriptor's key, since generations begin at 1.
  static constexpr std::uint64_t wake_key = 0;

  int epoll_fd = -1;
  int wake_fd = -1;
  std::atomic<std::thread::id> thread_id{};
  std::thread thread;

  std::mutex mutex;           ///< guards all below; no user code runs, and none of its objects dies, under it
  std::vector<watch> watches; ///< by descriptor
  std::uint32_t next_generation = 0;
  std::vector<task> tasks;
  timer_heap timers;
  bool stopping = false;
  bool asleep = false; ///< the thread is, or will be at once, in the kernel
  std::optional<instant> asleep_until;

  impl();
  ~impl() {
    ::close(wake_fd);
    ::close(epoll_fd);
  }

  bool control(int operation, int fd, std::uint32_t events, std::uint32_t generation) const;
  void wake(std::unique_lock<std::mutex>& lock);
  void run();
  void run_tasks(std::vector<task>& scratch);
  void run_timers(std::vector<timer_heap::id>& scratch);
  std::optional<duration> prepare_sleep();
  void dispatch(const epoll_event& event);
  void drop_all();
};

} // namespace duende
