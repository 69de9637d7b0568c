// A daemon inside your own program: a class with a thread of its own, restarted when it fails.
//
// It counts once a second. `duende kill counter --signal HUP` starts it over, USR1 makes it fail on purpose: its supervisor
// begins the next incarnation and the program goes on.
#include <duende/duende.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>

using namespace std::chrono_literals;

namespace {

class counter : public duende::daemon {
public:
  caf::expected<void> init(const duende::daemon_config& config) override {
    std::printf("counter: incarnation %u begins\n", static_cast<unsigned>(config.incarnation));
    return caf::unit;
  }

  caf::expected<duende::exit_reason> run(duende::daemon_context& context) override {
    while (context.wait_for(1s)) { // false once shutdown was asked for
      while (auto signal = context.next_signal()) {
        if (*signal == duende::daemon_signal::hup) {
          count_ = 0;
        } else if (*signal == duende::daemon_signal::usr1) {
          return duende::exit_reason::failure("was told to fail");
        }
      }
      auto start = duende::monotonic_now();
      std::printf("counter: %lu\n", ++count_);
      metrics().record_request(duende::monotonic_now() - start);
    }
    return duende::exit_reason::graceful();
  }

  caf::expected<void> shutdown(std::chrono::milliseconds) override {
    std::printf("counter: stopped at %lu\n", count_.load());
    return caf::unit;
  }

  duende::health_status health_check() const override { return duende::health_state::healthy; }

private:
  std::atomic<unsigned long> count_{0};
};

} // namespace

int main() {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const char* metrics = std::getenv("COUNTER_METRICS");
  duende::runtime runtime{{.name = "counter", .metrics = metrics != nullptr ? metrics : ""}};
  if (auto spawned = runtime.spawn<counter>("counter", {.restart = duende::restart_policy::always()}); !spawned) {
    std::fprintf(stderr, "counter: %s\n", duende::sentence(spawned.error()).c_str());
    return 1;
  }
  return runtime.run_until_signal(); // SIGINT, SIGTERM: orderly stop
}
