// The tracer's ear in the kernel: BPF programs on the raw tracepoints sys_enter and sys_exit that count and time the calls of some
// processes. They are there as long as the object is and not paused; other processes pay for a look at one byte per call.
#pragma once

#include "monitors/tracer/shared.h"

#include <caf/expected.hpp>

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace duende {

/// Not thread-safe.
class call_probe {
public:
  struct sums {
    trace_key key;
    trace_calls calls;
  };
  struct error_count {
    trace_error key;
    std::uint64_t count;
  };
  struct thread_now {
    std::uint32_t thread;
    trace_thread state;
  };

  /// Errors: unsupported where the build, the machine or our rights do not allow it, with what to do.
  static caf::expected<std::unique_ptr<call_probe>> open();
  ~call_probe();
  call_probe(const call_probe&) = delete;
  call_probe& operator=(const call_probe&) = delete;

  /// From now on the calls of this process are counted. Its children follow by themselves, those that it has already do not.
  bool add(pid_t process);
  /// The thread is in a call that began before it was listened to: its time counts from `since` on, the call itself does not.
  void is_in_call(pid_t process, pid_t thread, std::uint32_t call, std::uint64_t since);

  /// Nobody pays for anything until `resume`; threads forget what call they are in. Both take some milliseconds.
  void pause();
  /// Errors: those of open().
  caf::error resume();

  /// Since the beginning, in no order.
  void read(std::vector<sums>& calls, std::vector<thread_now>& threads);
  std::vector<error_count> errors();
  /// Hands over what was sampled since the last call.
  void drain(const std::function<void(const trace_sample&)>& fn);
  struct losses {
    std::uint64_t samples = 0, calls = 0;
  };
  losses lost();

private:
  struct impl;
  explicit call_probe(std::unique_ptr<impl> with);
  std::unique_ptr<impl> impl_;
};

} // namespace duende
