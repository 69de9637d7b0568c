#include "monitors/probes/background.hpp"

#include <csignal>
#include <memory>
#include <pthread.h>
#include <string>
#include <utility>

namespace duende {

namespace {

/// Enough for name services and TLS; only pages in use count.
constexpr std::size_t stack_bytes = 512 * 1024;

struct job {
  std::string name;
  std::function<void()> work;
};

void* run(void* argument) {
  std::unique_ptr<job> todo(static_cast<job*>(argument));
  ::pthread_setname_np(::pthread_self(), todo->name.c_str());
  todo->work();
  return nullptr;
}

} // namespace

bool run_in_background(const char* name, std::function<void()> work) {
  auto todo = std::make_unique<job>(job{name, std::move(work)});
  pthread_attr_t attributes;
  if (::pthread_attr_init(&attributes) != 0) {
    return false;
  }
  ::pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  ::pthread_attr_setstacksize(&attributes, stack_bytes);
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread{};
  bool started = ::pthread_create(&thread, &attributes, run, todo.get()) == 0;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::pthread_attr_destroy(&attributes);
  if (started) {
    [[maybe_unused]] auto* owned_by_thread = todo.release();
  }
  return started;
}

} // namespace duende
