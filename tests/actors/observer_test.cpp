#include "actors/observer.hpp"

#include "actors/reactor_coordinator.hpp"
#include "core/reactor.hpp"
#include "tests/support/catch.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <future>
#include <mutex>
#include <optional>

using namespace duende;
using namespace std::chrono_literals;

namespace {

class sleeper {
public:
  sleeper() : pid_(fork()) {
    if (pid_ == 0) {
      pause();
      _exit(0);
    }
  }
  ~sleeper() { end(); }
  sleeper(const sleeper&) = delete;
  sleeper& operator=(const sleeper&) = delete;
  pid_t pid() const { return pid_; }
  void end() {
    if (pid_ <= 0)
      return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

private:
  pid_t pid_;
};

struct observed_node {
  reactor io;
  caf::actor_system_config config;
  std::optional<caf::actor_system> system;
  std::optional<process_observer> observer;

  explicit observed_node(process_observer::settings how = {}) {
    use_reactor(config, io);
    system.emplace(config);
    observer.emplace(*system, how, [this](duration d, std::function<void()> fn) { io.after(d, std::move(fn)); });
  }
  ~observed_node() {
    observer.reset();
    system.reset();
  }
};

/// What a subscriber has got.
class samples_seen {
public:
  process_observer::on_sample handler() {
    return [this](const process_sample& now, const process_sample* before) {
      std::lock_guard lock{mutex_};
      all_.push_back(now);
      with_before_ += before != nullptr;
      changed_.notify_all();
    };
  }
  std::vector<process_sample> wait_for(std::size_t count) {
    std::unique_lock lock{mutex_};
    REQUIRE(changed_.wait_for(lock, 60s, [&] { return all_.size() >= count; }));
    return all_;
  }
  std::size_t with_before() {
    std::lock_guard lock{mutex_};
    return with_before_;
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<process_sample> all_;
  std::size_t with_before_ = 0;
};

} // namespace

TEST_CASE("an interval of 100 ms is kept", "[F056]") {
  observed_node node;
  sleeper process;
  samples_seen seen;
  auto token = node.observer->subscribe(uuid::random(), process.pid(), 100ms, seen.handler());
  auto all = seen.wait_for(32);
  std::vector<double> gaps; // the first sample is taken at once, the others at multiples of the interval
  for (std::size_t i = 2; i < all.size(); ++i)
    gaps.push_back(std::chrono::duration<double, std::milli>(all[i].at - all[i - 1].at).count());
  auto mean =
    std::chrono::duration<double, std::milli>(all.back().at - all[1].at).count() / static_cast<double>(gaps.size());
  std::sort(gaps.begin(), gaps.end());
  CAPTURE(gaps, mean);
  CHECK(mean > 90);
  CHECK(mean < 110);
  CHECK(gaps[gaps.size() / 2] > 90);
  CHECK(gaps[gaps.size() / 2] < 110);
  CHECK(seen.with_before() >= 31);
}

TEST_CASE("a question about the past is answered with every sample of that time, and no other", "[F055]") {
  observed_node node;
  sleeper process;
  const auto id = uuid::random();
  samples_seen seen;
  auto token = node.observer->subscribe(id, process.pid(), 10ms, seen.handler());
  seen.wait_for(60);
  for (auto last : {0ms, 55ms, 200ms, 350ms, 10000ms}) {
    const auto asked = monotonic_now();
    auto history = node.observer->history(id, process.pid(), {last, {}});
    const auto answered = monotonic_now();
    REQUIRE(history);
    auto all = seen.wait_for(1);
    auto has = [&](const process_sample& s) {
      return std::any_of(
        history->samples.begin(), history->samples.end(), [&](const process_sample& x) { return x.at == s.at; });
    };
    for (const auto& s : all) {
      if (s.at >= answered - last && s.at < asked)
        CHECK(has(s));
      if (s.at < asked - last)
        CHECK_FALSE(has(s));
    }
    CHECK(std::is_sorted(
      history->samples.begin(), history->samples.end(), [](const auto& a, const auto& b) { return a.at < b.at; }));
    if (history->before && !history->samples.empty())
      CHECK(history->before->at < history->samples.front().at);
    CHECK(history->interval == 10ms);
  }
}

TEST_CASE("asking has a daemon sampled; the next life is, too, and the first sample comes with the answer") {
  observed_node node;
  sleeper first, second;
  const auto id = uuid::random();
  node.observer->lives(id, first.pid()); // nobody wants to know
  auto history = node.observer->history(id, first.pid(), {5min, 20ms});
  REQUIRE(history);
  REQUIRE(history->samples.size() == 1);
  CHECK(history->samples[0].pid == first.pid());
  CHECK(history->interval == 20ms);
  const auto first_pid = first.pid();
  first.end();
  node.observer->lives(id, 0);
  node.observer->lives(id, second.pid());
  for (bool both = false; !both;) {
    history = node.observer->history(id, second.pid(), {5min, 20ms});
    REQUIRE(history);
    both = history->samples.back().pid == second.pid();
  }
  CHECK(history->samples.front().pid == first_pid);
  node.observer->forget(id);
  history = node.observer->history(id, 0, {5min, 20ms});
  REQUIRE(history);
  CHECK(history->samples.empty());
  CHECK(history->interval == 0s);
}

TEST_CASE("each subscriber gets its own interval, and nothing after it has let go") {
  observed_node node;
  sleeper process;
  const auto id = uuid::random();
  samples_seen often, seldom;
  auto a = node.observer->subscribe(id, process.pid(), 20ms, often.handler());
  auto b = node.observer->subscribe(id, process.pid(), 200ms, seldom.handler());
  auto some = seldom.wait_for(4);
  CHECK(some[3].at - some[1].at >= 350ms);
  CHECK(often.wait_for(1).size() > 8);
  a.reset();
  const auto after = often.wait_for(1).size();
  seldom.wait_for(6);
  CHECK(often.wait_for(1).size() <= after + 2);
}

TEST_CASE("the last samples of a life are there when it has ended") {
  observed_node node{{.interval = 20ms}};
  const auto id = uuid::random();
  sleeper first, second;
  node.observer->lives(id, first.pid());
  for (std::size_t count = 0; count < 5;) {
    auto history = node.observer->history(id, first.pid(), {});
    REQUIRE(history);
    count = history->samples.size();
  }
  const auto pid = first.pid();
  first.end();
  node.observer->lives(id, 0);
  node.observer->lives(id, second.pid());
  std::promise<std::vector<process_sample>> last;
  node.observer->recent(id, pid, 3, [&](auto samples) { last.set_value(std::move(samples)); });
  auto samples = last.get_future().get();
  REQUIRE(samples.size() == 3);
  for (auto& each : samples)
    CHECK(each.pid == pid);
}

TEST_CASE("who asks a node that ends, or one that samples nothing, is answered at once") {
  observed_node node;
  bool called = false;
  node.observer->recent(uuid::random(), 17, 3, [&](auto samples) { called = samples.empty(); });
  CHECK(called);
  sleeper process;
  samples_seen seen;
  auto token = node.observer->subscribe(uuid::random(), process.pid(), 20ms, seen.handler());
  seen.wait_for(1);
  node.observer->stop();
  std::promise<bool> answered;
  node.observer->recent(uuid::random(), 17, 3, [&](auto samples) { answered.set_value(samples.empty()); });
  CHECK(answered.get_future().get());
  CHECK_FALSE(node.observer->history(uuid::random(), 17, {}));
}
