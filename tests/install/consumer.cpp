// A program of another project: one in-process daemon, run until it has counted to three.
#include <duende/duende.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace {

std::atomic<int> count{0};

class greeter : public duende::daemon {
public:
  caf::expected<void> init(const duende::daemon_config&) override { return {}; }
  caf::expected<duende::exit_reason> run(duende::daemon_context& context) override {
    while (count < 3 && context.wait_for(std::chrono::milliseconds(10)))
      ++count;
    return duende::exit_reason::graceful();
  }
  caf::expected<void> shutdown(std::chrono::milliseconds) override { return {}; }
  duende::health_status health_check() const override { return duende::health_state::healthy; }
};

} // namespace

int main() {
  const char* state = std::getenv("DUENDE_STATE");
  duende::runtime runtime{{.name = "consumer", .state_dir = state ? state : "", .socket = "none"}};
  if (auto started = runtime.spawn<greeter>("greeter"); !started) {
    std::printf("consumer: %s\n", duende::sentence(started.error()).c_str());
    return 1;
  }
  for (int i = 0; i < 500 && count < 3; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  std::printf("consumer: greeter counted to %d\n", count.load());
  return count == 3 ? 0 : 1;
}
