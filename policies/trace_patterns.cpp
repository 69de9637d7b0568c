#include "policies/trace_patterns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

namespace duende {
namespace {

constexpr std::int64_t large_transfer = 4096; ///< a loop that moves so much at once gets somewhere

bool contains(std::initializer_list<std::string_view> list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

bool transfers(std::string_view name) {
  return contains(
    {"read", "write", "pread64", "pwrite64", "readv", "writev", "preadv", "pwritev", "recvfrom", "sendto", "recvmsg",
     "sendmsg", "sendfile", "splice", "copy_file_range"},
    name);
}

bool polls(std::string_view name) {
  return contains({"poll", "ppoll", "select", "pselect6", "epoll_wait", "epoll_pwait", "epoll_pwait2"}, name);
}

double divisor(duration d) { return std::max(std::chrono::duration<double>(d).count(), 1e-9); }

class finder {
public:
  finder(const trace_report& report, const pattern_limits& limits) : report_(report), limits_(limits) {}

  std::vector<trace_pattern> all() {
    for (const auto& thread : report_.threads)
      for (const auto& [name, figures] : thread.calls) {
        tight_loop(thread, name, figures);
        polling(thread, name, figures);
      }
    retries();
    locks();
    churn();
    return std::move(found_);
  }

private:
  void add(anomaly_kind kind, const std::string& call, std::int32_t thread, std::string text) {
    found_.push_back({kind, call, thread, std::move(text)});
  }

  double rate(std::uint64_t count) const { return static_cast<double>(count) / divisor(report_.listened); }

  void tight_loop(const traced_thread& thread, const std::string& name, const call_figures& figures) {
    if (figures.same < limits_.tight_calls)
      return;
    if (transfers(name) && figures.same_result >= large_transfer)
      return;
    const auto per_second = static_cast<double>(figures.same) / divisor(figures.same_time);
    if (per_second < limits_.tight_rate)
      return;
    add(
      anomaly_kind::tight_loop, name, thread.thread,
      fmt::format(
        "thread {} called {} {} times in a row within {}, each with the same arguments and the same result ({})",
        thread.thread, name, figures.same, short_time(figures.same_time),
        figures.same_result < 0 && figures.same_result > -4096 ? fmt::format("error {}", -figures.same_result)
                                                               : std::to_string(figures.same_result)));
  }

  void polling(const traced_thread& thread, const std::string& name, const call_figures& figures) {
    const auto in_vain = rate(figures.zeros);
    if (polls(name) && in_vain >= limits_.polls_rate && figures.zeros * 2 >= figures.count)
      add(
        anomaly_kind::busy_polling, name, thread.thread,
        fmt::format(
          "thread {} called {} {:.0f} times a second for nothing: a longer timeout waits without work", thread.thread,
          name, in_vain));
    const bool yields = name == "sched_yield" && rate(figures.count) >= limits_.retries_rate;
    if (yields)
      add(
        anomaly_kind::busy_polling, name, thread.thread,
        fmt::format("thread {} yields {:.0f} times a second: it spins", thread.thread, rate(figures.count)));
    const bool sleeps = name == "clock_nanosleep" || name == "nanosleep";
    if (sleeps && rate(figures.count) >= limits_.polls_rate * 5)
      add(
        anomaly_kind::busy_polling, name, thread.thread,
        fmt::format(
          "thread {} sleeps {:.0f} times a second, {} each: it looks for something that could wake it", thread.thread,
          rate(figures.count),
          short_time(figures.time / static_cast<std::int64_t>(std::max<std::uint64_t>(figures.count, 1)))));
  }

  void retries() {
    for (const auto& [key, count] : report_.errors) {
      const auto& [name, number] = key;
      const auto of = report_.calls.find(name);
      if (number != EAGAIN || name == "futex" || of == report_.calls.end())
        continue;
      if (rate(count) >= limits_.retries_rate && count * 2 >= of->second.count)
        add(
          anomaly_kind::busy_polling, name, 0,
          fmt::format("{} failed with EAGAIN {:.0f} times a second: wait with poll or epoll", name, rate(count)));
    }
  }

  void locks() {
    std::uint64_t count = 0, threads = 0;
    double longest = 0;
    for (const auto& thread : report_.threads) {
      const auto of = thread.calls.find("futex");
      if (of == thread.calls.end())
        continue;
      ++threads;
      count += of->second.count;
      if (of->second.count >= 10) // a few long waits are a pool without work
        longest = std::max(longest, divisor(of->second.time) / divisor(thread.traced));
    }
    if (threads < 2 || rate(count) < limits_.lock_rate || longest < limits_.lock_share)
      return;
    add(
      anomaly_kind::lock_contention, "futex", 0,
      fmt::format(
        "{} threads wait for locks: {:.0f} futex calls a second, {:.0f} % of the time of one of them", threads,
        rate(count), 100 * std::min(longest, 1.0)));
  }

  void churn() {
    std::uint64_t count = 0, largest = 0;
    std::string most;
    for (const auto* name : {"mmap", "munmap", "brk", "mremap", "madvise"})
      if (const auto of = report_.calls.find(name); of != report_.calls.end()) {
        count += of->second.count;
        if (of->second.count > largest) {
          largest = of->second.count;
          most = name;
        }
      }
    if (rate(count) >= limits_.churn_rate)
      add(
        anomaly_kind::memory_churn, most, 0,
        fmt::format(
          "memory is fetched and given back {:.0f} times a second (mmap, munmap, brk), most by {}: keep it, or "
          "allocate "
          "in larger pieces",
          rate(count), most));
  }

  const trace_report& report_;
  const pattern_limits& limits_;
  std::vector<trace_pattern> found_;
};

} // namespace

std::vector<trace_pattern> find_patterns(const trace_report& report, const pattern_limits& limits) {
  return finder{report, limits}.all();
}

} // namespace duende
