// A node in memory, for the tests of what stands in front of one: daemons with states, events with ids, nothing behind them.
#pragma once

#include "actors/control.hpp"
#include "actors/observer.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include <unistd.h>

namespace duende::test {

class fake_control : public control {
public:
  fake_control() {
    started_ = wall_now();
    for (const char* name : {"db", "web"})
      (void)add({.name = name, .binary_path = "/bin/true"});
  }
  ~fake_control() override {
    std::unique_lock lock{mutex_};
    stopping_ = true;
    changed_.notify_all();
    left_.wait(lock, [this] { return followers_ == 0; });
  }

  node_info info() override {
    std::lock_guard lock{mutex_};
    return {.name = "fake", .version = "0", .started_at = started_, .pid = getpid(), .stopping = stopping_};
  }

  caf::expected<std::vector<daemon_status>> daemons() override {
    std::lock_guard lock{mutex_};
    std::vector<daemon_status> result;
    for (const auto& [name, daemon] : daemons_)
      result.push_back(daemon);
    return result;
  }

  caf::expected<daemon_status> daemon(const std::string& name) override {
    std::lock_guard lock{mutex_};
    return find(name);
  }

  /// Two, a second apart.
  caf::expected<sample_history> samples(const std::string& name, const history_query& query) override {
    if (auto found = daemon(name); !found)
      return found.error();
    sample_history result;
    result.interval = query.interval > duration{} ? query.interval : std::chrono::seconds{1};
    for (int i = 0; i < 2; ++i) {
      auto& sample = result.samples.emplace_back();
      sample.pid = getpid();
      sample.at = instant{std::chrono::seconds{1000 + i}};
      sample.wall = started_;
      sample.cpu_ns = 500'000'000ULL * static_cast<unsigned>(i);
      sample.resident_bytes = 4096;
    }
    return result;
  }

  caf::expected<std::vector<supervisor_status>> supervisors() override {
    std::lock_guard lock{mutex_};
    supervisor_status root{.name = "root"};
    for (const auto& [name, daemon] : daemons_)
      root.children.push_back(name);
    return std::vector{root};
  }

  caf::expected<daemon_status> act(verb what, const std::string& name, duration timeout, bool wait) override {
    std::unique_lock lock{mutex_};
    if (auto found = find(name); !found)
      return found.error();
    if (wait && name == crowded_name)
      return fail(errc::limit_reached, "'{}' has 64 commands waiting already", name);
    if (wait && name == slow_name) { // an action that takes for ever
      released_.wait_for(lock, timeout, [this] { return stopping_; });
      return fail(errc::timed_out, "'{}' has not finished", name);
    }
    auto& daemon = daemons_[name];
    auto wrong = [&](const char* word) {
      return fail(errc::wrong_state, "cannot {} '{}': it is {}", word, name, to_string(daemon.state));
    };
    bool alive = daemon.state == daemon_state::running || daemon.state == daemon_state::paused;
    switch (what) {
      case verb::start:
        if (alive)
          return wrong("start");
        run(daemon);
        break;
      case verb::stop: end(daemon); break;
      case verb::restart:
        end(daemon);
        run(daemon);
        break;
      case verb::pause:
        if (daemon.state != daemon_state::running)
          return wrong("pause");
        daemon.state = daemon_state::paused;
        emit(event_kind::paused, name);
        break;
      case verb::resume:
        if (daemon.state != daemon_state::paused)
          return wrong("resume");
        daemon.state = daemon_state::running;
        emit(event_kind::resumed, name);
        break;
      case verb::reload:
        if (!alive)
          return wrong("reload");
        emit(event_kind::reload, name);
    }
    return daemon;
  }

  caf::expected<daemon_status> limit(const std::string& name, const std::string& resources) override {
    std::lock_guard lock{mutex_};
    auto found = find(name);
    if (!found)
      return found.error();
    if (resources.empty() || resources.front() != '{')
      return make_error(errc::invalid_config, "expected an object");
    return daemons_[name];
  }

  caf::expected<void> signal(const std::string& name, int) override {
    std::lock_guard lock{mutex_};
    auto found = find(name);
    return found ? caf::expected<void>{} : found.error();
  }

  caf::expected<daemon_status> add(daemon_spec spec) override {
    std::lock_guard lock{mutex_};
    if (daemons_.contains(spec.name))
      return fail(errc::already_exists, "a daemon named '{}' exists", spec.name);
    auto& daemon = daemons_[spec.name];
    daemon.name = spec.name;
    daemon.id = uuid::random();
    daemon.backend = "native";
    daemon.supervisor = spec.supervisor;
    daemon.description = spec.description;
    run(daemon);
    return daemon;
  }

  caf::expected<void> remove(const std::string& name, duration) override {
    std::lock_guard lock{mutex_};
    if (auto found = find(name); !found)
      return found.error();
    daemons_.erase(name);
    return {};
  }

  caf::expected<apply_plan> apply(stack wanted, bool dry_run) override {
    apply_plan plan;
    for (auto& spec : wanted.daemons) {
      if (daemon(spec.name)) {
        ++plan.unchanged;
        continue;
      }
      plan.steps.push_back({.action = plan_action::add, .name = spec.name});
      if (!dry_run)
        (void)add(std::move(spec));
    }
    return plan;
  }

  caf::expected<std::vector<event>> events(const event_query& query) override {
    std::lock_guard lock{mutex_};
    std::vector<event> result;
    for (const auto& x : events_)
      if (x.id > query.after_id && (!query.since || x.at >= *query.since) && selects(query, x))
        result.push_back(x);
    if (result.size() > query.limit)
      result.erase(result.begin(), result.end() - static_cast<std::ptrdiff_t>(query.limit));
    return result;
  }

  std::shared_ptr<void>
  follow_events(std::int64_t after_id, std::function<bool(const std::vector<event>&)> on_events) override {
    if (refuses_followers)
      return nullptr;
    auto token = std::make_shared<int>();
    {
      std::lock_guard lock{mutex_};
      ++followers_;
    }
    std::thread{[this, after_id, on_events = std::move(on_events), alive = std::weak_ptr<int>(token)]() mutable {
      while (true) {
        std::vector<event> batch;
        {
          std::unique_lock lock{mutex_};
          changed_.wait_for(lock, std::chrono::milliseconds{20}, [&] { return stopping_ || last_id() > after_id; });
          if (stopping_ || alive.expired())
            break;
          for (const auto& x : events_)
            if (x.id > after_id && batch.size() < 500)
              batch.push_back(x);
        }
        if (batch.empty())
          continue;
        after_id = batch.back().id;
        if (!on_events(batch))
          break;
      }
      on_events = nullptr;
      std::lock_guard lock{mutex_};
      --followers_;
      left_.notify_all();
    }}.detach();
    return token;
  }

  caf::expected<log_location> logs(const std::string& name) override {
    std::lock_guard lock{mutex_};
    if (auto found = find(name); !found)
      return found.error();
    return log_location{.dir = log_root + "/" + name, .timestamps = log_timestamps};
  }

  bool all_ready() override { return ready; }
  std::string metrics() override { return "# TYPE duende_daemons gauge\nduende_daemons{state=\"running\"} 2\n"; }
  caf::expected<std::vector<std::string>> roll(const std::string& name, duration) override {
    return std::vector<std::string>{name};
  }
  caf::expected<apply_plan> scale(const std::string&, std::uint32_t) override { return apply_plan{}; }
  caf::expected<void> upgrade() override { return make_error(errc::unsupported, "no program on disk"); }
  void shutdown() override {
    std::lock_guard lock{mutex_};
    stopping_ = true;
    released_.notify_all();
    changed_.notify_all();
  }

  void emit_many(std::size_t count, const std::string& daemon) {
    std::lock_guard lock{mutex_};
    for (std::size_t i = 0; i < count; ++i)
      emit(event_kind::restart, daemon);
  }

  /// What the history says of itself.
  void emit_gap(const std::string& text) {
    std::lock_guard lock{mutex_};
    events_.push_back({.id = last_id() + 1, .at = wall_now(), .kind = event_kind::limit, .node = "fake", .text = text});
    changed_.notify_all();
  }

  std::string slow_name;    ///< waiting for it takes until its timeout, or the node's shutdown
  std::string crowded_name; ///< too many wait for it already
  std::atomic<bool> refuses_followers = false;
  std::string log_root = "/nonexistent";
  bool log_timestamps = true;
  bool ready = true;

private:
  caf::expected<daemon_status> find(const std::string& name) const {
    auto found = daemons_.find(name);
    if (found == daemons_.end())
      return fail(errc::not_found, "no daemon named '{}'", name);
    return found->second;
  }
  std::int64_t last_id() const { return events_.empty() ? 0 : events_.back().id; }
  void emit(event_kind kind, const std::string& name) {
    events_.push_back(
      {.id = last_id() + 1,
       .at = wall_now(),
       .kind = kind,
       .daemon = name,
       .supervisor = "root",
       .node = "fake",
       .text = fmt::format("{}: {}", name, to_string(kind))});
    changed_.notify_all();
  }
  void run(daemon_status& daemon) {
    daemon.state = daemon_state::running;
    daemon.ready = true;
    daemon.pid = getpid();
    daemon.started_at = wall_now();
    ++daemon.incarnation;
    emit(event_kind::running, daemon.name);
  }
  void end(daemon_status& daemon) {
    if (daemon.pid == 0)
      return;
    daemon.state = daemon_state::stopped;
    daemon.pid = 0;
    daemon.ready = false;
    auto reason = exit_reason::signal(15);
    daemon.last = last_exit{reason, wall_now(), to_string(reason)};
    emit(event_kind::exit, daemon.name);
  }

  std::mutex mutex_;
  std::condition_variable changed_, released_, left_;
  std::map<std::string, daemon_status> daemons_;
  std::vector<event> events_;
  wall_time started_;
  std::size_t followers_ = 0;
  bool stopping_ = false;
};

} // namespace duende::test
