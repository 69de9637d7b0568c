// The threads of processes as /proc has them.
#pragma once

#include "core/time.hpp"

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace duende {

/// proc(5), /proc/PID/task. Bounded; empty where the process has ended.
std::vector<pid_t> list_threads(pid_t process);
/// /proc/PID/task/TID/comm; empty where it has ended.
std::string thread_name(pid_t process, pid_t thread);

struct thread_times {
  duration on_cpu{}, runnable{};
};
/// /proc/PID/task/TID/schedstat. None where it has ended, or the kernel does not count.
std::optional<thread_times> read_thread_times(pid_t process, pid_t thread);

/// /proc/PID/task/TID/syscall: the number of the call it is in; -1 for none.
std::optional<int> current_call(pid_t process, pid_t thread);

/// By libseccomp's table; "call_123" where that does not know it.
std::string name_of_call(int number);

} // namespace duende
