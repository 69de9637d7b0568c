#include "monitors/tracer/tracees.hpp"

#include "monitors/observer/detail.hpp"

namespace duende {

void tracees::look_for_processes(const std::function<void(pid_t)>& fn) {
  for (const auto& process : read_tree(root_, 0))
    if (processes_.insert(process.pid).second)
      fn(process.pid);
}

tracees::thread& tracees::at(pid_t process, pid_t id, instant now) {
  auto found = threads_.find(id);
  if (found == threads_.end()) {
    if (threads_.size() >= most_threads)
      return overflow_;
    found =
      threads_.emplace(id, thread{process, thread_name(process, id), now, now, read_thread_times(process, id), {}})
        .first;
    processes_.insert(process);
  }
  return found->second;
}

bool tracees::look_at_threads(instant now) {
  bool any = false;
  for (auto i = processes_.begin(); i != processes_.end();) {
    const auto threads = list_threads(*i);
    if (threads.empty() && *i != root_) {
      i = processes_.erase(i);
      continue;
    }
    any = any || !threads.empty();
    for (auto id : threads) {
      auto& known = at(*i, id, now);
      known.last = now;
      if (auto times = read_thread_times(*i, id))
        known.now = times;
    }
    ++i;
  }
  return any;
}

traced_thread tracees::summary(pid_t id, const thread& of) {
  traced_thread result;
  result.process = of.process;
  result.thread = id;
  result.name = of.name;
  result.traced = of.last - of.first;
  if (of.before && of.now) {
    result.on_cpu = std::max(of.now->on_cpu - of.before->on_cpu, duration{});
    result.runnable = std::max(of.now->runnable - of.before->runnable, duration{});
  }
  return result;
}

} // namespace duende
