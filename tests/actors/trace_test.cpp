// Traces that pass through a program: what starts a daemon is what it belongs to, and what that starts in turn.
#include "actors/duende/duende.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/waiting.hpp"

#include <mutex>
#include <string>
#include <vector>

using namespace duende;

namespace {

std::mutex seen_mutex;
std::vector<std::pair<std::string, trace_ptr>> seen;

trace_ptr trace_seen(const std::string& name) {
  std::lock_guard lock{seen_mutex};
  for (auto& each : seen)
    if (each.first == name)
      return each.second;
  return nullptr;
}

class traced_daemon : public daemon {
public:
  caf::expected<void> init(const daemon_config& config) override {
    name_ = config.name;
    return caf::unit;
  }
  caf::expected<exit_reason> run(daemon_context& context) override {
    {
      std::lock_guard lock{seen_mutex};
      seen.emplace_back(name_, context.trace());
    }
    if (name_ == "first" && next != nullptr)
      next->controls()->act(verb::start, "second", 10s, false);
    while (context.wait_for(1h)) {
    }
    return exit_reason::graceful();
  }
  static inline runtime* next = nullptr;

private:
  std::string name_;
};

} // namespace

TEST_CASE("one trace goes through daemons of a program", "[F049]") {
  seen.clear();
  runtime r{{.name = "traces", .socket = "none"}};
  traced_daemon::next = &r;
  spawn_options later;
  later.autostart = false;
  REQUIRE(r.spawn<traced_daemon>("second", later));
  REQUIRE(r.spawn<traced_daemon>("alone"));
  CHECK(eventually([] {
    std::lock_guard lock{seen_mutex};
    return seen.size() == 1;
  }));
  CHECK(trace_seen("alone") == nullptr); // nobody named a trace, and nothing is exported
  const auto operation = std::make_shared<const trace_context>(new_trace());
  {
    const trace_scope within{operation};
    REQUIRE(current_trace() == operation);
    REQUIRE(r.spawn<traced_daemon>("first"));
  }
  CHECK(current_trace() == nullptr);
  REQUIRE(eventually([] { return trace_seen("second") != nullptr; }));
  const auto first = trace_seen("first"), second = trace_seen("second");
  REQUIRE(first);
  CHECK(first->trace_id == operation->trace_id);
  CHECK(first->span_id != operation->span_id);
  CHECK(second->trace_id == operation->trace_id); // started by the first, on its own thread
  CHECK(second->span_id != first->span_id);
  traced_daemon::next = nullptr;
}
