#include "actors/api/detached_thread.hpp"

#include <cstddef>

#include <pthread.h>
#include <signal.h>

namespace duende::api {
namespace {

constexpr std::size_t stack_bytes = 1024 * 1024; ///< address space; only touched pages cost

} // namespace

bool start_detached(void* (*entry)(void*), void* argument) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, stack_bytes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  bool started = pthread_create(&thread, &attributes, entry, argument) == 0;
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return started;
}

} // namespace duende::api
