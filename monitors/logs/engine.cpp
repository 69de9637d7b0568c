#include "monitors/logs/engine.hpp"

#include "core/errc.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace duende::logs {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t turn_budget = 1 << 20;
constexpr int grown_pipe = 1 << 20;
/// A stream whose turns are further apart than this is quiet: each of its writes is taken at once.
constexpr duration quiet = 4ms;
constexpr duration longest_pause = 4ms;
constexpr duration shortest_pause = 50us;
constexpr std::uint16_t first_retry_ms = 100;
constexpr std::uint16_t last_retry_ms = 5000;

int wait_for_events(int epoll, epoll_event* events, int count, std::optional<duration> timeout) {
  timespec limit{};
  if (timeout) {
    auto ns = std::max<std::int64_t>(timeout->count(), 0);
    limit = {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
  }
  int n = ::epoll_pwait2(epoll, events, count, timeout ? &limit : nullptr, nullptr);
  if (n < 0 && errno == ENOSYS) {
    auto ms = timeout ? static_cast<int>((timeout->count() + 999'999) / 1'000'000) : -1;
    n = ::epoll_wait(epoll, events, count, ms);
  }
  return n;
}

} // namespace

engine::engine(
  int stage_read_fd, int stage_write_fd, const std::string& journal_path, error_handler on_error, line_handler on_line)
  : on_error_(std::move(on_error)), on_line_(std::move(on_line)), epoll_(::epoll_create1(EPOLL_CLOEXEC)),
    wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
    transfer_(stage_read_fd, stage_write_fd, journal_path, [this](const std::string& text) {
      if (on_error_)
        on_error_("", text);
    }) {
  epoll_event event{};
  event.events = EPOLLIN;
  if (epoll_ < 0 || wake_ < 0 || ::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) != 0) {
    if (on_error_)
      on_error_("", sentence(errno_error(errc::io_failure, errno, "cannot start the log thread")));
    stopped_ = true;
  }
  thread_ = std::thread{[this] { run(); }};
  ::pthread_setname_np(thread_.native_handle(), "logs");
}

engine::~engine() {
  {
    std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  ::eventfd_write(wake_, 1);
  thread_.join();
  for (int fd : {epoll_, wake_})
    if (fd >= 0)
      ::close(fd);
}

void engine::post(task fn) {
  bool first;
  {
    std::lock_guard lock{mutex_};
    first = tasks_.empty();
    tasks_.push_back(std::move(fn));
  }
  if (first)
    ::eventfd_write(wake_, 1);
}

void engine::run_tasks() {
  std::vector<task> tasks;
  {
    std::lock_guard lock{mutex_};
    tasks.swap(tasks_);
    stopped_ = stopped_ || stopping_;
  }
  for (auto& fn : tasks)
    fn();
}

void engine::run() {
  // Tasks run after `wait` put its events into the queue, which a stream that a task removes leaves; and before the turns, so
  // that a call mostly acts on nothing that was written after it (who needs that surely drains in between).
  for (run_tasks(); !stopped_;) {
    wait();
    run_tasks();
    for (auto turns = ready_.size(); turns > 0 && !ready_.empty() && !stopped_; --turns) {
      auto& x = *ready_.front();
      ready_.pop_front();
      x.now = stream::phase::none;
      take_turn(x);
    }
  }
}

void engine::wait() {
  std::optional<duration> timeout;
  if (!ready_.empty())
    timeout = duration{0};
  else if (!parked_.empty())
    timeout = parked_.begin()->first - monotonic_now();
  std::array<epoll_event, 64> events;
  int n = wait_for_events(epoll_, events.data(), static_cast<int>(events.size()), timeout);
  for (int i = 0; i < n; ++i) {
    auto* x = static_cast<stream*>(events[static_cast<std::size_t>(i)].data.ptr);
    if (x == nullptr) {
      eventfd_t ignored;
      ::eventfd_read(wake_, &ignored);
    } else if (x->now == stream::phase::armed) {
      enqueue(*x);
    }
  }
  if (!parked_.empty())
    for (auto now = monotonic_now(); !parked_.empty() && parked_.begin()->first <= now;) {
      auto* x = parked_.begin()->second;
      parked_.erase(parked_.begin());
      enqueue(*x);
    }
}

void engine::hear(stream& x, std::string_view bytes) {
  auto& cutters = x.owner->cutters;
  if (!cutters)
    cutters = std::make_unique<std::array<line_cutter, 2>>();
  (*cutters)[static_cast<std::size_t>(x.kind)].feed(
    bytes, [&](std::string_view line) { on_line_(x.owner->name, x.kind, line); });
}

void engine::finish_line(stream& x) {
  if (x.owner->cutters)
    (*x.owner->cutters)[static_cast<std::size_t>(x.kind)].finish(
      [&](std::string_view line) { on_line_(x.owner->name, x.kind, line); });
}

turn engine::pump_once(stream& x, std::size_t budget) {
  auto* watch = x.owner->watch.get();
  if (watch)
    watch->current = &watch->feeds[static_cast<std::size_t>(x.kind)];
  struct ears : listener {
    ears(engine& to, stream& of, line_watch* also) : own(to), from(of), watch(also) {}
    void taken(std::string_view bytes) override {
      if (watch != nullptr)
        watch->taken(bytes);
      own.hear(from, bytes);
    }
    engine& own;
    stream& from;
    line_watch* watch;
  } both{*this, x, watch};
  ++x.changes;
  auto result = pump(transfer_, x, budget, on_line_ ? static_cast<listener*>(&both) : watch);
  ++x.changes;
  if (watch && watch->matched) {
    auto on_match = std::move(watch->on_match);
    x.owner->watch.reset();
    on_match();
  }
  if (result.error == 0 && result.moved > 0) {
    x.retry_ms = 0;
    x.owner->failing = false;
  }
  return result;
}

void engine::take_turn(stream& x) {
  auto start = monotonic_now();
  auto since = start - x.last;
  auto result = pump_once(x, turn_budget);
  x.last = start;
  if (result.error)
    failed(x, result);
  else if (result.ended)
    detach(x);
  else
    schedule(x, result.moved, since);
}

/// A busy stream is not looked at for each of its writes but when its pipe is about a quarter full, judged by its recent pace.
void engine::schedule(stream& x, std::size_t moved, duration since) {
  if (moved == 0 || since > quiet)
    return arm(x);
  if (x.capacity < grown_pipe && moved >= x.capacity / 8) {
    auto size = ::fcntl(x.pipe, F_SETPIPE_SZ, grown_pipe); // refused beyond the user's share of pipe memory
    x.capacity = size > 0 ? static_cast<std::uint32_t>(size) : grown_pipe;
  }
  auto goal = x.capacity / 4;
  auto pause = duration{static_cast<std::int64_t>(
    static_cast<double>(since.count()) * static_cast<double>(goal) / static_cast<double>(moved))};
  auto due = x.last + std::min(pause, longest_pause);
  if (due < monotonic_now() + shortest_pause)
    return enqueue(x);
  park(x, due);
}

void engine::failed(stream& x, const turn& result) {
  if (!x.owner->failing) {
    x.owner->failing = true;
    auto what =
      fmt::format("{}: cannot {} '{}' (its output waits in the pipe)", x.owner->name, result.failed, x.file.path());
    if (on_error_)
      on_error_(x.owner->name, sentence(errno_error(errc::io_failure, result.error, what)));
  }
  x.retry_ms = x.retry_ms == 0 ? first_retry_ms : std::min<std::uint16_t>(x.retry_ms * 2, last_retry_ms);
  park(x, monotonic_now() + std::chrono::milliseconds{x.retry_ms});
}

void engine::arm(stream& x) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLONESHOT;
  event.data.ptr = &x;
  if (::epoll_ctl(epoll_, x.watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, x.pipe, &event) == 0) {
    x.watched = true;
    x.now = stream::phase::armed;
  } else {
    turn result;
    result.error = errno;
    result.failed = "wait for the pipe of";
    failed(x, result);
  }
}

void engine::park(stream& x, instant due) {
  x.due = due;
  parked_.emplace(due, &x);
  x.now = stream::phase::parked;
}

void engine::enqueue(stream& x) {
  ready_.push_back(&x);
  x.now = stream::phase::ready;
}

void engine::leave_queues(stream& x) {
  if (x.now == stream::phase::ready)
    std::erase(ready_, &x);
  if (x.now == stream::phase::parked) {
    auto [first, last] = parked_.equal_range(x.due);
    parked_.erase(std::find_if(first, last, [&](auto& entry) { return entry.second == &x; }));
  }
  x.now = stream::phase::none;
}

} // namespace duende::logs
