// A daemon inside your own program that calls what may fail: a breaker before the call, a limit on its rate, a bounded queue of
// work. Its health is its own judgement, asked for once a second.
#include <duende/duende.hpp>

#include <atomic>
#include <cstdio>
#include <string>
#include <thread>

using namespace std::chrono_literals;

namespace {

/// Fails for two seconds in every six.
caf::expected<int> ask_elsewhere(int question) {
  const auto second =
    std::chrono::duration_cast<std::chrono::seconds>(duende::monotonic_now().time_since_epoch()).count();
  if (second % 6 < 2)
    return duende::make_error(duende::errc::unreachable, "nobody answers");
  return question * question;
}

class worker : public duende::daemon {
public:
  caf::expected<duende::exit_reason> run(duende::daemon_context& context) override {
    std::thread producer{[&] {
      for (int i = 0; context.running(); ++i) {
        while (!limit_.acquire(100ms) && context.running()) {
        }
        while (!queue_.push(i, 100ms) && context.running()) { // waits for room: backpressure
        }
      }
    }};
    while (context.running()) {
      auto question = queue_.pop(100ms);
      if (!question)
        continue;
      auto answer = breaker_.call([&] { return ask_elsewhere(*question); });
      std::printf(
        "%d: %s\n", *question, answer ? std::to_string(*answer).c_str() : duende::sentence(answer.error()).c_str());
    }
    producer.join();
    return duende::exit_reason::graceful();
  }

  duende::health_status health_check() const override {
    return breaker_.state() == duende::breaker_state::closed ? duende::health_state::healthy
                                                             : duende::health_state::degraded;
  }

private:
  duende::circuit_breaker breaker_{{3, 1s, 1}};
  duende::rate_limiter limit_{5, 1};
  duende::bounded_queue<int> queue_{10};
};

} // namespace

int main() {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  duende::runtime runtime{{.name = "flow"}};
  duende::health_spec health;
  health.type = duende::health_type::custom;
  health.interval = 1s;
  if (auto spawned = runtime.spawn<worker>("flow", {.health = health}); !spawned) {
    std::fprintf(stderr, "flow: %s\n", duende::sentence(spawned.error()).c_str());
    return 1;
  }
  return runtime.run_until_signal();
}
