// What all probes share: life on the reactor's thread, the time limit, exactly one outcome.
#pragma once

#include "monitors/probes/one_shot.hpp"
#include "monitors/probes/probe.hpp"

#include <atomic>
#include <optional>

namespace duende {

/// All members run on the reactor's thread, except the constructor, the destructor and `abandon`. What a derived class holds must
/// let go by its destructor: a dying reactor drops attempts without a word.
class attempt : public std::enable_shared_from_this<attempt> {
public:
  attempt(reactor& on, std::optional<duration> timeout, probe_callback done);
  virtual ~attempt();
  attempt(const attempt&) = delete;
  attempt& operator=(const attempt&) = delete;

  /// Arranges for `begin` on the reactor's thread. The handle cancels.
  static probe_ptr start(std::shared_ptr<attempt> what);

protected:
  virtual void begin() = 0;
  /// Lets go of everything: the attempt is over.
  virtual void release() = 0;
  /// The callback has returned.
  virtual void delivered() {}
  /// "connect to 127.0.0.1:5433"
  virtual std::string what() const = 0;

  reactor& on() const { return on_; }
  void succeed(std::string how);
  /// The text becomes "WHAT: WHY".
  void fail_with(const std::string& why, bool permanent = false);

  /// A function for other threads that brings a value to `handle` on the reactor's thread, unless the attempt is over by then. The
  /// owner must cancel it in `release` and in its destructor.
  template <class T, class Self>
  std::shared_ptr<one_shot<T>> relay(Self* self, void (Self::*handle)(T)) {
    std::weak_ptr<attempt> weak = weak_from_this();
    return std::make_shared<one_shot<T>>([&r = on_, weak, self, handle](T value) {
      r.post([weak, self, handle, value = std::move(value)]() mutable {
        if (auto alive = weak.lock(); alive && !alive->over_) {
          (self->*handle)(std::move(value));
        }
      });
    });
  }

  /// Watches `fd` while the attempt lasts.
  template <class Self>
  bool watch(int fd, std::uint32_t events, Self* self, void (Self::*handle)(int, std::uint32_t)) {
    std::weak_ptr<attempt> weak = weak_from_this();
    return on_.add(fd, events, [weak, self, handle, fd](std::uint32_t came) {
      if (auto alive = weak.lock(); alive && !alive->over_) {
        (self->*handle)(fd, came);
      }
    });
  }

private:
  class handle;
  void begin_on_reactor();
  void finish(probe_result result);
  void stop();
  void abandon();

  reactor& on_;
  std::optional<duration> timeout_;
  probe_callback done_;
  reactor::timer_id timer_ = 0;
  bool over_ = false;
  std::atomic<bool> abandoned_{false};
};

/// A descriptor that is taken out of the reactor before it is closed.
class watched_fd {
public:
  watched_fd(reactor& on, int fd) : on_(&on), fd_(fd) {}
  watched_fd(watched_fd&& other) noexcept : on_(other.on_), fd_(std::exchange(other.fd_, -1)) {}
  watched_fd& operator=(watched_fd&& other) noexcept {
    std::swap(on_, other.on_);
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~watched_fd();
  int get() const { return fd_; }

private:
  reactor* on_;
  int fd_;
};

} // namespace duende
