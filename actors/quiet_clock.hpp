// A clock of CAF's that sleeps. Private to the coordinators.
#pragma once

#include <caf/detail/thread_safe_actor_clock.hpp>

#include <mutex>
#include <unordered_set>

namespace duende {

/// Hands everything on to `real` but the cancelling for actors that never had a timeout. It is of the type that the
/// coordinator's interface names; what it inherits is never used.
class quiet_clock : public caf::detail::thread_safe_actor_clock {
public:
  explicit quiet_clock(caf::actor_clock& real) : real_(real) {}

  time_point now() const noexcept override { return real_.now(); }
  duration_type difference(caf::atom_value what, long units, time_point from, time_point to) const noexcept override {
    return real_.difference(what, units, from, to);
  }
  void set_ordinary_timeout(time_point t, caf::abstract_actor* self, caf::atom_value type, std::uint64_t id) override {
    note(self);
    real_.set_ordinary_timeout(t, self, type, id);
  }
  void set_multi_timeout(time_point t, caf::abstract_actor* self, caf::atom_value type, std::uint64_t id) override {
    note(self);
    real_.set_multi_timeout(t, self, type, id);
  }
  void set_request_timeout(time_point t, caf::abstract_actor* self, caf::message_id id) override {
    note(self);
    real_.set_request_timeout(t, self, id);
  }
  void cancel_ordinary_timeout(caf::abstract_actor* self, caf::atom_value type) override {
    real_.cancel_ordinary_timeout(self, type);
  }
  void cancel_request_timeout(caf::abstract_actor* self, caf::message_id id) override {
    real_.cancel_request_timeout(self, id);
  }
  void cancel_timeouts(caf::abstract_actor* self) override {
    {
      std::lock_guard lock{mutex_};
      if (with_timeouts_.erase(self) == 0)
        return;
    }
    real_.cancel_timeouts(self);
  }
  void schedule_message(time_point t, caf::strong_actor_ptr receiver, caf::mailbox_element_ptr content) override {
    real_.schedule_message(t, std::move(receiver), std::move(content));
  }
  void schedule_message(time_point t, caf::group target, caf::strong_actor_ptr sender, caf::message content) override {
    real_.schedule_message(t, std::move(target), std::move(sender), std::move(content));
  }
  void cancel_all() override { real_.cancel_all(); }

private:
  void note(caf::abstract_actor* self) {
    std::lock_guard lock{mutex_};
    with_timeouts_.insert(self);
  }

  caf::actor_clock& real_;
  std::mutex mutex_;
  std::unordered_set<caf::abstract_actor*> with_timeouts_; ///< asked for one since they began
};

} // namespace duende
