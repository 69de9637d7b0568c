#include "core/wall_timer.hpp"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace duende {

wall_timers::~wall_timers() {
  if (fd_ >= 0)
    ::close(fd_);
}

bool wall_timers::open() {
  if (fd_ >= 0)
    return true;
  int fd = ::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
  if (fd < 0)
    return false;
  auto on_events = [this, fd](std::uint32_t) {
    std::uint64_t count = 0;
    auto size = ::read(fd, &count, sizeof count);
    if (size > 0 || errno == ECANCELED)
      fire(size < 0);
  };
  if (!io_.add(fd, EPOLLIN, on_events)) {
    ::close(fd);
    return false;
  }
  fd_ = fd;
  return true;
}

/// The kernel wakes us for the earliest one, and whenever the clock is set.
void wall_timers::set() {
  itimerspec value{};
  if (!timers_.empty()) {
    auto when = std::max<std::int64_t>(timers_.begin()->first.time_since_epoch().count(), 1);
    value.it_value.tv_sec = static_cast<time_t>(when / 1000);
    value.it_value.tv_nsec = static_cast<long>(when % 1000 * 1'000'000);
  }
  ::timerfd_settime(fd_, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &value, nullptr);
}

wall_timers::id wall_timers::at(wall_time when, handler fn) {
  std::lock_guard lock{mutex_};
  if (!open())
    return 0;
  auto at = timers_.emplace(when, std::pair{next_, std::move(fn)});
  if (at == timers_.begin())
    set();
  return next_++;
}

void wall_timers::cancel(id timer) {
  decltype(timers_)::node_type dead;
  std::lock_guard lock{mutex_};
  auto found = std::find_if(timers_.begin(), timers_.end(), [&](auto& each) { return each.second.first == timer; });
  if (found == timers_.end())
    return;
  bool first = found == timers_.begin();
  dead = timers_.extract(found);
  if (first)
    set();
}

void wall_timers::fire(bool clock_set) {
  std::vector<std::pair<bool, handler>> calls;
  {
    std::lock_guard lock{mutex_};
    auto now = wall_now();
    while (!timers_.empty() && (clock_set || timers_.begin()->first <= now)) {
      auto each = timers_.extract(timers_.begin());
      calls.emplace_back(each.key() <= now, std::move(each.mapped().second));
    }
    if (fd_ >= 0)
      set();
  }
  for (auto& [due, fn] : calls)
    fn(due);
}

} // namespace duende
