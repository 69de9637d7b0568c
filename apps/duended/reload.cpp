#include "apps/duended/reload.hpp"

#include "apps/duended/settings.hpp"

#include <cstdio>

namespace duende {

reloader::~reloader() {
  {
    std::lock_guard lock{mutex_};
    over_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable())
    thread_.join();
}

void reloader::reload(api_server& api) {
  auto loaded = load_file(file_);
  if (!loaded.ok()) {
    std::fprintf(stderr, "duended: configuration not applied:\n%s\n", all_errors(loaded).c_str());
    return;
  }
  const auto& node = loaded.value.node;
  if (auto renewed = api.renew(node.tls, node.tokens); !renewed)
    std::fprintf(stderr, "duended: certificate and tokens stay as they are: %s\n", sentence(renewed.error()).c_str());
  std::lock_guard lock{mutex_};
  wanted_ = std::move(loaded.value);
  changed_.notify_all();
  if (!thread_.joinable())
    thread_ = std::thread{[this] { run(); }};
}

void reloader::run() {
  std::unique_lock lock{mutex_};
  for (;;) {
    changed_.wait(lock, [&] { return over_ || wanted_; });
    if (over_)
      return;
    auto wanted = std::move(*wanted_);
    wanted_.reset();
    lock.unlock();
    if (auto applied = controls_.apply(std::move(wanted), false); !applied)
      std::fprintf(stderr, "duended: configuration not applied: %s\n", sentence(applied.error()).c_str());
    lock.lock();
  }
}

} // namespace duende
