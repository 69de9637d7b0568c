#include "monitors/probes/readiness.hpp"

#include "core/units.hpp"

#include <algorithm>
#include <atomic>
#include <fmt/format.h>
#include <mutex>
#include <unistd.h>

namespace duende {

namespace {

constexpr duration first_pause = 100ms;
constexpr duration longest_probe_pause = 1s;
/// A server that was slow at first gets a new connection.
constexpr duration tcp_attempt_limit = 2s;
constexpr duration http_attempt_limit = 5s;

} // namespace

struct readiness_watch::impl : std::enable_shared_from_this<readiness_watch::impl> {
  reactor& on;
  readiness_spec spec;
  readiness_means means;
  probe_callback done;
  std::atomic<bool> abandoned{false};

  // The reactor's thread only:
  probe_ptr current;
  duration pause = first_pause;
  reactor::timer_id timer = 0;

  mutable std::mutex mutex;
  std::string last_failure; ///< guarded by mutex

  impl(reactor& r, const readiness_spec& s, readiness_means m, probe_callback fn)
    : on(r), spec(s), means(std::move(m)), done(std::move(fn)) {}
  ~impl() {
    if (means.fd >= 0) {
      ::close(means.fd);
    }
  }

  void attempt() {
    timer = 0;
    if (abandoned) {
      return;
    }
    auto tell = [weak = weak_from_this()](probe_result result) {
      if (auto self = weak.lock()) {
        self->ended(std::move(result));
      }
    };
    switch (spec.type) {
      case readiness_type::tcp:
        current = start_tcp_probe(on, spec.address, std::min(spec.timeout, tcp_attempt_limit), tell);
        break;
      case readiness_type::http:
        current = start_http_probe(on, {spec.url, spec.expect}, std::min(spec.timeout, http_attempt_limit), tell);
        break;
      case readiness_type::exec: current = start_exec_probe(on, spec.command, spec.timeout, means.launch, tell); break;
      case readiness_type::fd: current = start_fd_probe(on, std::exchange(means.fd, -1), tell); break;
      default: ended({false, "this type of readiness has no probe", true}); break;
    }
  }

  void ended(probe_result result) {
    current.reset();
    if (abandoned) {
      return;
    }
    if (!result.ok) {
      std::unique_lock lock(mutex);
      last_failure = result.text;
    }
    if (result.ok || result.permanent) {
      auto fn = std::exchange(done, nullptr);
      fn(std::move(result));
      return;
    }
    timer = on.after(pause, [weak = weak_from_this()] {
      if (auto self = weak.lock()) {
        self->attempt();
      }
    });
    pause = std::min(longest_probe_pause, pause * 3 / 2);
  }

  void stop() {
    on.cancel(std::exchange(timer, 0));
    current.reset();
    done = nullptr;
  }
};

readiness_watch::readiness_watch(reactor& on, const readiness_spec& spec, readiness_means means, probe_callback done)
  : impl_(std::make_shared<impl>(on, spec, std::move(means), std::move(done))) {
  on.post([self = impl_] { self->attempt(); });
}

readiness_watch::~readiness_watch() {
  impl_->abandoned = true;
  if (impl_->on.on_reactor_thread()) {
    impl_->stop();
  } else {
    impl_->on.post([self = impl_] { self->stop(); });
  }
}

bool readiness_watch::handles(readiness_type type) {
  return type == readiness_type::tcp || type == readiness_type::http || type == readiness_type::exec
         || type == readiness_type::fd;
}

std::string readiness_watch::last_failure() const {
  std::unique_lock lock(impl_->mutex);
  return impl_->last_failure;
}

std::string not_ready_text(duration timeout, const std::string& last_failure) {
  auto text = fmt::format("not ready within {}", format_duration(timeout));
  return last_failure.empty() ? text : fmt::format("{}: {}", text, last_failure);
}

} // namespace duende
