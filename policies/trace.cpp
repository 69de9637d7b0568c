#include "policies/trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

namespace duende {

std::size_t latency_histogram::slot_of(duration took) {
  const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(took.count(), 1));
  return std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(ns)) - 1, slot_count - 1);
}

duration latency_histogram::begin_of(std::size_t slot) { return duration{slot == 0 ? 0 : std::int64_t{1} << slot}; }
duration latency_histogram::end_of(std::size_t slot) { return duration{std::int64_t{2} << slot}; }

void latency_histogram::add(const latency_histogram& other) {
  for (std::size_t i = 0; i < slot_count; ++i)
    slots[i] += other.slots[i];
}

std::uint64_t latency_histogram::count() const {
  std::uint64_t sum = 0;
  for (auto n : slots)
    sum += n;
  return sum;
}

duration latency_histogram::quantile(double part) const {
  const auto all = static_cast<double>(count());
  auto wanted = std::clamp(part, 0.0, 1.0) * all;
  for (std::size_t i = 0; i < slot_count; ++i) {
    const auto here = static_cast<double>(slots[i]);
    if (here > 0 && wanted <= here) {
      const auto width = static_cast<double>((end_of(i) - begin_of(i)).count());
      return begin_of(i) + duration{static_cast<std::int64_t>(width * wanted / here)};
    }
    wanted -= here;
  }
  return {};
}

void call_figures::add(const call_figures& other) {
  count += other.count;
  errors += other.errors;
  zeros += other.zeros;
  time += other.time;
  longest = std::max(longest, other.longest);
  latencies.add(other.latencies);
  if (other.same > same) {
    same = other.same;
    same_time = other.same_time;
    same_result = other.same_result;
  }
}

std::string_view to_string(anomaly_kind kind) {
  constexpr std::array<std::string_view, anomaly_kind_count> words = {
    "latency", "rate", "errors", "tight_loop", "busy_polling", "lock_contention", "memory_churn"};
  return words[static_cast<std::size_t>(kind)];
}

bool is_idle_call(std::string_view name) {
  constexpr std::string_view idle[] = {
    "accept",       "accept4",         "clock_nanosleep", "epoll_pwait",     "epoll_pwait2", "epoll_wait",
    "io_getevents", "io_pgetevents",   "nanosleep",       "pause",           "poll",         "ppoll",
    "pselect6",     "restart_syscall", "rt_sigsuspend",   "rt_sigtimedwait", "select",       "wait4",
    "waitid"};
  return std::find(std::begin(idle), std::end(idle), name) != std::end(idle);
}

unsigned windows_unheard(std::uint64_t calls, duration window) {
  constexpr double most = 9; // a spike is to be seen within a second
  const auto cost = static_cast<double>(calls) * static_cast<double>(traced_call_cost.count())
                    / static_cast<double>(std::max<std::int64_t>(window.count(), 1));
  return static_cast<unsigned>(std::clamp(std::ceil(cost / trace_budget) - 1, 0.0, most));
}

std::string short_time(duration value) {
  const auto ns = static_cast<double>(value.count());
  if (ns < 999.5)
    return fmt::format("{:.0f} ns", ns);
  if (ns < 999.5e3)
    return fmt::format("{:.3g} us", ns / 1e3);
  if (ns < 999.5e6)
    return fmt::format("{:.3g} ms", ns / 1e6);
  return fmt::format("{:.3g} s", ns / 1e9);
}

} // namespace duende
