#include "core/reactor.hpp"

#include "core/timer_heap.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <mutex>
#include <optional>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace duende {

namespace {

/// Of the eventfd; no descriptor's key, since generations begin at 1.
constexpr std::uint64_t wake_key = 0;

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

struct reactor::impl {
  struct watch {
    std::uint32_t generation = 0; ///< 0: not watched
    std::shared_ptr<handler> on_events;
  };

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

reactor::impl::impl() {
  epoll_fd = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) {
    throw std::system_error(errno, std::generic_category(), "epoll_create1");
  }
  wake_fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = wake_key;
  if (wake_fd < 0 || ::epoll_ctl(epoll_fd, EPOLL_CTL_ADD, wake_fd, &event) != 0) {
    auto error = errno;
    ::close(wake_fd);
    ::close(epoll_fd);
    throw std::system_error(error, std::generic_category(), "eventfd");
  }
}

bool reactor::impl::control(int operation, int fd, std::uint32_t events, std::uint32_t generation) const {
  epoll_event event{};
  event.events = events;
  event.data.u64 = (static_cast<std::uint64_t>(generation) << 32) | static_cast<std::uint32_t>(fd);
  return ::epoll_ctl(epoll_fd, operation, fd, &event) == 0;
}

// One write per sleep, whoever many ask.
void reactor::impl::wake(std::unique_lock<std::mutex>& lock) {
  if (!asleep) {
    return;
  }
  asleep = false;
  lock.unlock();
  std::uint64_t one = 1;
  // Fails only when the counter is full, which wakes as well.
  [[maybe_unused]] auto n = ::write(wake_fd, &one, sizeof one);
}

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

// What handlers and tasks hold may call back into the reactor while it dies, hence one by one and until nothing is left.
void reactor::impl::drop_all() {
  for (bool more = true; more;) {
    std::vector<watch> dead_watches;
    std::vector<task> dead_tasks;
    {
      std::unique_lock lock(mutex);
      dead_watches.swap(watches);
      dead_tasks.swap(tasks);
    }
    more = !dead_watches.empty() || !dead_tasks.empty();
    for (;;) {
      task dead;
      std::unique_lock lock(mutex);
      if (timers.empty()) {
        break;
      }
      dead = timers.drop_any();
      more = true;
    }
  }
}

reactor::reactor() : impl_(std::make_unique<impl>()) {
  // The thread inherits the mask: signals go to those who asked for them.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    impl_->thread = std::thread([state = impl_.get()] { state->run(); });
  } catch (...) {
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

reactor::~reactor() {
  {
    std::unique_lock lock(impl_->mutex);
    impl_->stopping = true;
    impl_->wake(lock);
  }
  impl_->thread.join();
  impl_->drop_all();
}

bool reactor::add(int fd, std::uint32_t events, handler on_events) {
  if (fd < 0) {
    errno = EBADF;
    return false;
  }
  auto shared = std::make_shared<handler>(std::move(on_events));
  std::unique_lock lock(impl_->mutex);
  if (++impl_->next_generation == 0) {
    ++impl_->next_generation;
  }
  auto generation = impl_->next_generation;
  if (!impl_->control(EPOLL_CTL_ADD, fd, events, generation)) {
    return false;
  }
  auto index = static_cast<std::size_t>(fd);
  if (index >= impl_->watches.size()) {
    impl_->watches.resize(index + 1);
  }
  impl_->watches[index].generation = generation;
  // Swapped, not assigned: a handler left from a closed descriptor of this number dies outside of the lock.
  impl_->watches[index].on_events.swap(shared);
  return true;
}

bool reactor::modify(int fd, std::uint32_t events) {
  std::unique_lock lock(impl_->mutex);
  auto index = static_cast<std::size_t>(fd);
  if (fd < 0 || index >= impl_->watches.size() || impl_->watches[index].generation == 0) {
    errno = ENOENT;
    return false;
  }
  return impl_->control(EPOLL_CTL_MOD, fd, events, impl_->watches[index].generation);
}

void reactor::remove(int fd) {
  std::shared_ptr<handler> dead;
  std::unique_lock lock(impl_->mutex);
  auto index = static_cast<std::size_t>(fd);
  if (fd < 0 || index >= impl_->watches.size() || impl_->watches[index].generation == 0) {
    return;
  }
  impl_->watches[index].generation = 0;
  dead.swap(impl_->watches[index].on_events);
  impl_->control(EPOLL_CTL_DEL, fd, 0, 0);
}

void reactor::post(task fn) {
  std::unique_lock lock(impl_->mutex);
  impl_->tasks.push_back(std::move(fn));
  impl_->wake(lock);
}

reactor::timer_id reactor::at(instant when, task fn) {
  std::unique_lock lock(impl_->mutex);
  auto id = impl_->timers.add(when, std::move(fn));
  if (!impl_->asleep_until || when < *impl_->asleep_until) {
    impl_->wake(lock);
  }
  return id;
}

void reactor::cancel(timer_id id) {
  task dead;
  std::unique_lock lock(impl_->mutex);
  dead = impl_->timers.cancel(id);
}

bool reactor::on_reactor_thread() const {
  return impl_->thread_id.load(std::memory_order_relaxed) == std::this_thread::get_id();
}

} // namespace duende
