// A daemon whose memory never reaches a disk: it keeps a key in memory that it has locked.
//
// Without the right to that it says what helps, and has failed; with `--best-effort` it goes on and says that it is not locked.
#include <duende/duende.hpp>

#include <array>
#include <cstdio>
#include <cstring>

using namespace std::chrono_literals;

namespace {

duende::memory_lock how = duende::memory_lock::required;

class vault : public duende::daemon {
public:
  caf::expected<void> init(const duende::daemon_config&) override {
    auto locked = duende::lock_memory(how); // ahead of the secret
    if (!locked) {
      std::fprintf(stderr, "vault: %s\n", duende::sentence(locked.error()).c_str());
      return locked.error();
    }
    key_.fill('k');
    std::printf("vault: %s\n", *locked ? "the key is in locked memory" : "the memory is not locked");
    std::printf("vault: %lu bytes are locked\n", static_cast<unsigned long>(duende::locked_memory()));
    return caf::unit;
  }

  caf::expected<duende::exit_reason> run(duende::daemon_context& context) override {
    while (context.wait_for(1h)) {
    }
    return duende::exit_reason::graceful();
  }

private:
  std::array<char, 32> key_{};
};

} // namespace

int main(int count, char** words) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  if (count > 1 && std::strcmp(words[1], "--best-effort") == 0)
    how = duende::memory_lock::best_effort;
  duende::runtime runtime{{.name = "mlock"}};
  if (auto spawned = runtime.spawn<vault>("vault", {.restart = duende::restart_policy::never()}); !spawned) {
    std::fprintf(stderr, "vault: %s\n", duende::sentence(spawned.error()).c_str());
    return 1;
  }
  return runtime.run_until_signal();
}
