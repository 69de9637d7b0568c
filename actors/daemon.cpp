#include "actors/daemon.hpp"

#include <utility>

namespace duende {

bool daemon_context::wait_for(duration time) {
  ask_health();
  std::unique_lock lock{mutex_};
  changed_.wait_for(lock, time, [&] { return stop_ || !signals_.empty(); });
  return !stop_;
}

bool daemon_context::running() const {
  std::lock_guard lock{mutex_};
  return !stop_;
}

std::optional<daemon_signal> daemon_context::next_signal() {
  std::lock_guard lock{mutex_};
  if (signals_.empty())
    return std::nullopt;
  auto number = signals_.front();
  signals_.pop_front();
  return static_cast<daemon_signal>(number);
}

void daemon_context::request_stop() {
  std::lock_guard lock{mutex_};
  stop_ = true;
  changed_.notify_all();
}

void daemon_context::deliver(int signal_number) {
  std::lock_guard lock{mutex_};
  if (signals_.size() < max_signals)
    signals_.push_back(signal_number);
  changed_.notify_all();
}

void daemon_context::watch_health(std::function<health_status()> ask, std::function<void(health_status)> tell) {
  ask_ = std::move(ask);
  tell_ = std::move(tell);
}

void daemon_context::ask_health() {
  if (!ask_)
    return;
  auto now = ask_(); // not under the lock: it is the daemon's own code
  {
    std::lock_guard lock{mutex_};
    if (std::exchange(health_, now) == now)
      return;
  }
  tell_(now);
}

void daemon_metrics_recorder::record_request(duration took) {
  std::lock_guard lock{mutex_};
  ++requests_;
  seconds_.observe(std::chrono::duration<double>(took).count());
}

void daemon_metrics_recorder::record_error() {
  std::lock_guard lock{mutex_};
  ++errors_;
}

void daemon_metrics_recorder::add_to(daemon_counters& counters) const {
  std::lock_guard lock{mutex_};
  counters.requests = requests_;
  counters.errors = errors_;
  counters.request_seconds = seconds_;
}

caf::expected<void> daemon::init(const daemon_config&) { return caf::unit; }

caf::expected<void> daemon::shutdown(std::chrono::milliseconds) { return caf::unit; }

daemon_metrics_recorder& daemon::metrics() {
  if (!recorder_)
    recorder_ = std::make_shared<daemon_metrics_recorder>();
  return *recorder_;
}

} // namespace duende
