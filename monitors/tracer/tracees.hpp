// Who is traced: the processes of a tree and their threads, with what /proc knows of these.
#pragma once

#include "monitors/tracer/thread_eye.hpp"
#include "policies/trace.hpp"

#include <sys/types.h>

#include <functional>
#include <map>
#include <set>

namespace duende {

/// Not thread-safe.
class tracees {
public:
  struct thread {
    pid_t process = 0;
    std::string name;
    instant first{}, last{};
    std::optional<thread_times> before, now;
  };

  explicit tracees(pid_t root) : root_(root) {}

  /// Looks for processes of the tree that are not known yet; `fn` gets each.
  void look_for_processes(const std::function<void(pid_t)>& fn);
  /// Reads names and times of all threads of all known processes. False where no process is left.
  bool look_at_threads(instant now);
  /// A thread that did something.
  thread& at(pid_t process, pid_t id, instant now);

  pid_t root() const { return root_; }
  const std::map<pid_t, thread>& threads() const { return threads_; }
  /// Without the calls.
  static traced_thread summary(pid_t id, const thread& of);

private:
  static constexpr std::size_t most_threads = 8192;

  pid_t root_;
  std::set<pid_t> processes_;
  std::map<pid_t, thread> threads_;
  thread overflow_;
};

} // namespace duende
