#include "policies/trace_path.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace duende {
namespace {

constexpr double least_share = 0.05; ///< what takes less holds nobody up

struct choice {
  const thread_path* thread = nullptr;
  const path_part* part = nullptr;

  double share() const { return part == nullptr ? 0 : part->share; }
};

void add(thread_path& to, std::string what, duration time, duration whole, std::uint64_t count, bool idle) {
  if (time <= duration{})
    return;
  const auto share = static_cast<double>(time.count()) / static_cast<double>(std::max<std::int64_t>(whole.count(), 1));
  to.parts.push_back({std::move(what), time, std::min(share, 1.0), count, idle});
}

/// Shares are of `whole`, the time of the trace: a thread that lived for a moment holds nobody up.
thread_path path_of(const traced_thread& thread, duration whole) {
  thread_path result{thread.process, thread.thread, thread.name, {}};
  duration in_calls{};
  for (const auto& [name, figures] : thread.calls) {
    in_calls += figures.time;
    add(result, name, figures.time, whole, figures.count, is_idle_call(name));
  }
  // Outside of calls a thread computes, or it would and other threads have the CPU. What it waits for a CPU within calls, too, is
  // not told apart: so much at the most.
  const auto outside = std::max(thread.traced - in_calls, duration{});
  const auto queued = std::min(outside, thread.runnable.value_or(duration{}));
  if (thread.on_cpu) {
    const auto computing = std::min(outside - queued, *thread.on_cpu);
    add(result, std::string{path_computing}, computing, whole, 0, false);
    add(result, std::string{path_queueing}, queued, whole, 0, false);
    add(result, std::string{path_other}, outside - queued - computing, whole, 0, true);
  } else {
    add(result, std::string{path_computing}, outside, whole, 0, false);
  }
  std::stable_sort(
    result.parts.begin(), result.parts.end(), [](const path_part& a, const path_part& b) { return a.time > b.time; });
  return result;
}

double busy_share(const thread_path& path) {
  double sum = 0;
  for (const auto& part : path.parts)
    if (!part.idle)
      sum += part.share;
  return sum;
}

/// The C library and the loader: everybody calls by them.
bool of_system(std::string_view module) {
  for (const auto* name : {"/libc.so", "/libc-", "/libpthread", "/ld-linux", "/ld-musl", "[vdso"})
    if (module.find(name) != std::string_view::npos)
      return true;
  return false;
}

std::string whom(const thread_path& thread) {
  return thread.name.empty() ? fmt::format("thread {}", thread.thread)
                             : fmt::format("thread {} ({})", thread.thread, thread.name);
}

std::string whereof(const std::string& call, const std::vector<call_site>& sites) {
  for (const auto& site : sites)
    if (site.call == call)
      if (auto place = place_of(site.stack); !place.empty())
        return ", called from " + place;
  return {};
}

std::string sentence_for(const choice& top, const std::vector<call_site>& sites) {
  const auto percent = 100 * top.part->share;
  if (top.part->what == path_computing)
    return fmt::format("{} computes for {:.0f} % of the time, outside of system calls", whom(*top.thread), percent);
  if (top.part->what == path_queueing)
    return fmt::format("{} waits for a CPU for {:.0f} % of the time: others have it", whom(*top.thread), percent);
  std::string how_often;
  if (top.part->count > 0)
    how_often = fmt::format(
      " ({} calls, {} each)", top.part->count, short_time(top.part->time / static_cast<std::int64_t>(top.part->count)));
  return fmt::format(
    "{} spends {:.0f} % of its time in {}{}{}", whom(*top.thread), percent, top.part->what, how_often,
    whereof(top.part->what, sites));
}

} // namespace

std::string place_of(const std::vector<stack_frame>& stack) {
  const stack_frame* found = nullptr;
  for (const auto& frame : stack)
    if (!of_system(frame.module) && !frame.file.empty()) {
      found = &frame;
      break;
    }
  for (auto i = stack.begin(); found == nullptr && i != stack.end(); ++i)
    if (!of_system(i->module) && !i->function.empty())
      found = &*i;
  if (found == nullptr)
    return {};
  if (!found->file.empty())
    return fmt::format(
      "{}:{}{}", found->file, found->line, found->function.empty() ? "" : fmt::format(" ({})", found->function));
  return fmt::format("{} in {}", found->function, found->module);
}

critical_path find_path(const std::vector<traced_thread>& threads, const std::vector<call_site>& sites) {
  critical_path result;
  duration whole{};
  for (const auto& thread : threads)
    whole = std::max(whole, thread.traced);
  for (const auto& thread : threads)
    result.threads.push_back(path_of(thread, whole));
  std::stable_sort(result.threads.begin(), result.threads.end(), [](const thread_path& a, const thread_path& b) {
    return busy_share(a) > busy_share(b);
  });
  choice top, lock;
  for (const auto& thread : result.threads)
    for (const auto& part : thread.parts) {
      if (part.idle)
        continue;
      auto& best = part.what == "futex" ? lock : top;
      if (part.share > best.share())
        best = {&thread, &part};
    }
  // Who waits for a lock waits for somebody: what that one does is the bottleneck. Without such a one it is the lock.
  std::string waiting;
  if (lock.share() >= least_share && top.share() >= lock.share() / 2 && lock.thread != top.thread)
    waiting = fmt::format("; meanwhile {} waits in futex for {:.0f} %", whom(*lock.thread), 100 * lock.share());
  else if (lock.share() > top.share())
    top = lock;
  if (top.share() < least_share) {
    result.text = "no bottleneck: it waits for work";
    return result;
  }
  result.bottleneck = top.part->what;
  result.thread = top.thread->thread;
  result.share = top.share();
  result.text = sentence_for(top, sites) + waiting;
  return result;
}

} // namespace duende
