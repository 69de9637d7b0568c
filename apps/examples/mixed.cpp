// One supervision tree, three kinds of daemon: a thread, an actor and a process. `ps`, events and metrics show them alike.
#include <duende/duende.hpp>

#include <caf/all.hpp>

#include <cstdio>

using namespace std::chrono_literals;

namespace {

/// A thread of its own, for work that blocks.
class sampler : public duende::daemon {
public:
  caf::expected<duende::exit_reason> run(duende::daemon_context& context) override {
    while (context.wait_for(5s)) {
      metrics().record_request(1ms);
    }
    return duende::exit_reason::graceful();
  }
};

/// An actor, for what only reacts.
caf::behavior echo_behavior(caf::event_based_actor*) {
  return {
    [](const std::string& text) { return text; },
  };
}

template <class T>
bool started(const char* name, const caf::expected<T>& result) {
  if (!result) {
    std::fprintf(stderr, "mixed: %s: %s\n", name, duende::sentence(result.error()).c_str());
  }
  return static_cast<bool>(result);
}

} // namespace

int main() {
  duende::runtime runtime{{.name = "mixed"}};
  auto group = runtime.supervisor("workers", {.strategy = duende::strategy::rest_for_one, .intensity = {5, 30s}});
  bool ok = started("sampler", group.spawn<sampler>("sampler", {.restart = duende::restart_policy::always()}));
  ok = ok && started("echo", group.spawn_actor("echo", echo_behavior));
  duende::daemon_spec process;
  process.name = "sleeper";
  process.binary_path = "sleep";
  process.args = {"infinity"};
  ok = ok && started("sleeper", group.spawn(process));
  return ok ? runtime.run_until_signal() : 1;
}
