#include "actors/reactor_coordinator.hpp"

#include "actors/quiet_clock.hpp"

#include <caf/actor_system.hpp>
#include <caf/execution_unit.hpp>
#include <caf/logger.hpp>
#include <caf/resumable.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include <pthread.h>

#include <deque>
#include <future>
#include <thread>
#include <utility>

namespace duende {
namespace {

/// So many turns of actors, then timers and descriptors have theirs.
constexpr int jobs_at_once = 128;

class reactor_coordinator : public caf::scheduler::abstract_coordinator {
public:
  reactor_coordinator(caf::actor_system& system, reactor& io) : abstract_coordinator(system), io_(io), unit_(*this) {}

  void enqueue(caf::resumable* job) override {
    std::unique_lock lock{mutex_};
    jobs_.push_back(job);
    if (stopped_ || std::exchange(scheduled_, true))
      return;
    lock.unlock();
    io_.post([this] { run(); });
  }

  caf::actor_clock& clock() noexcept override { return clock_; }

protected:
  void start() override {
    ticking_ = std::thread{[this] {
      pthread_setname_np(pthread_self(), "caf.clock");
      real_clock_.run_dispatch_loop();
    }};
    abstract_coordinator::start();
  }

  void stop() override {
    stop_actors();
    {
      std::lock_guard lock{mutex_};
      stopped_ = true;
    }
    std::promise<void> idle;
    io_.post([&] {                                    // behind the last run()
      caf::logger::set_current_actor_system(nullptr); // the system's end waits until no thread holds its logger
      idle.set_value();
    });
    idle.get_future().wait();
    for (auto* job : std::exchange(jobs_, {}))
      cleanup_and_release(job);
    real_clock_.cancel_dispatch_loop();
    ticking_.join();
  }

private:
  class unit : public caf::execution_unit {
  public:
    explicit unit(reactor_coordinator& home) : execution_unit(&home.system()), home_(home) {}
    void exec_later(caf::resumable* job) override { home_.enqueue(job); }

  private:
    reactor_coordinator& home_;
  };

  /// On the reactor's thread.
  void run() {
    for (int turn = 0; turn < jobs_at_once; ++turn) {
      caf::resumable* job = nullptr;
      {
        std::lock_guard lock{mutex_};
        if (stopped_ || jobs_.empty()) {
          scheduled_ = false;
          return;
        }
        job = jobs_.front();
        jobs_.pop_front();
      }
      if (job->resume(&unit_, max_throughput_) == caf::resumable::resume_later)
        put_back(job);
      else
        caf::intrusive_ptr_release(job);
    }
    std::lock_guard lock{mutex_};
    if (!stopped_)
      io_.post([this] { run(); });
  }

  void put_back(caf::resumable* job) {
    std::lock_guard lock{mutex_};
    jobs_.push_back(job);
  }

  reactor& io_;
  unit unit_;
  caf::detail::thread_safe_actor_clock real_clock_;
  quiet_clock clock_{real_clock_};
  std::thread ticking_;
  std::mutex mutex_;
  std::deque<caf::resumable*> jobs_; ///< each with a reference of ours
  bool scheduled_ = false;           ///< run() is posted or runs
  bool stopped_ = false;             ///< what comes now stays in the queue
};

} // namespace

void use_reactor(caf::actor_system_config& config, reactor& io) {
  config.module_factories.emplace_back([&io](caf::actor_system& system) -> caf::actor_system::module* {
    return new reactor_coordinator{system, io};
  });
}

} // namespace duende
