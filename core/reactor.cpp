#include "core/reactor_impl.hpp"

#include <cerrno>
#include <csignal>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <system_error>
#include <utility>

namespace duende {

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
