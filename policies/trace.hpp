// What a trace of system calls found, as plain values, and the arithmetic on it.
#pragma once

#include "core/time.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace duende {

/// Counts of calls by how long they took: slot i holds [2^i, 2^(i+1)) ns, slot 0 also 0, the last one all that is longer.
struct latency_histogram {
  static constexpr std::size_t slot_count = 40;

  std::array<std::uint64_t, slot_count> slots{};

  static std::size_t slot_of(duration took);
  static duration begin_of(std::size_t slot);
  static duration end_of(std::size_t slot);

  void add(duration took) { ++slots[slot_of(took)]; }
  void add(const latency_histogram& other);
  std::uint64_t count() const;
  /// Within the slot evenly spread; `part` from 0 to 1. 0 where nothing was counted.
  duration quantile(double part) const;
};

/// Of one call, in one thread or in all.
struct call_figures {
  std::uint64_t count = 0, errors = 0, zeros = 0; ///< results: below zero, zero
  duration time{}, longest{};
  latency_histogram latencies;
  /// The longest run of calls with the same arguments and the same result, nothing else between.
  std::uint64_t same = 0;
  duration same_time{};
  std::int64_t same_result = 0;

  void add(const call_figures& other);
};

using calls_by_name = std::map<std::string, call_figures, std::less<>>;

struct traced_thread {
  std::int32_t process = 0, thread = 0;
  std::string name;
  calls_by_name calls;              ///< calls that had not ended count by their time alone
  std::optional<duration> on_cpu;   ///< while traced, in calls and outside of them
  std::optional<duration> runnable; ///< while traced, waiting for a CPU
  duration traced{};                ///< so long
};

struct stack_frame {
  std::string function; ///< empty: unknown
  std::string file;     ///< of the source; empty: no debug information
  int line = 0;
  std::string module; ///< program or library
  std::uint64_t address = 0;

  bool operator==(const stack_frame&) const = default;
};

/// One call that was looked at more closely.
struct traced_call {
  std::string call;
  std::int32_t process = 0, thread = 0;
  wall_time at{}; ///< of its end
  duration took{};
  std::int64_t result = 0;
  std::array<std::uint64_t, 6> arguments{};
  std::vector<stack_frame> stack; ///< innermost first
};

/// Where calls come from.
struct call_site {
  std::string call;
  std::uint64_t samples = 0;
  duration time{}; ///< of these samples
  std::vector<stack_frame> stack;
};

enum class anomaly_kind : std::uint8_t {
  latency,
  rate,
  errors,
  tight_loop,
  busy_polling,
  lock_contention,
  memory_churn
};
inline constexpr std::size_t anomaly_kind_count = 7;
std::string_view to_string(anomaly_kind kind);

/// A window in which a call was out of its usual.
struct trace_anomaly {
  anomaly_kind kind{};
  std::string call;
  duration from{}, to{};       ///< since the trace began; successive windows are one anomaly
  double z = 0;                ///< the largest
  double usual = 0, value = 0; ///< s for latency, calls or errors a second for the others
  std::string text;
};

/// A way of using the kernel that costs without need.
struct trace_pattern {
  anomaly_kind kind{};
  std::string call;
  std::int32_t thread = 0; ///< 0: all together
  std::string text;
};

/// What a thread's time went to.
struct path_part {
  std::string what; ///< a call; or "computing", "waiting for a CPU", "other"
  duration time{};
  double share = 0; ///< of the time of the trace
  std::uint64_t count = 0;
  bool idle = false; ///< waits for work to come: never a bottleneck
};
struct thread_path {
  std::int32_t process = 0, thread = 0;
  std::string name;
  std::vector<path_part> parts; ///< the largest first
};
struct critical_path {
  std::vector<thread_path> threads; ///< the busiest first
  std::string bottleneck;           ///< a call, or "computing", "waiting for a CPU"; empty: there is none
  std::int32_t thread = 0;
  double share = 0;
  std::string text;
};

enum class trace_method : std::uint8_t { bpf, sampling };

struct trace_report {
  trace_method method{};
  std::string note; ///< why not better; empty: nothing to say
  wall_time begun_at{};
  duration traced{};
  duration listened{}; ///< counts and times are of this part of it
  double z_score = 0;
  std::int32_t pid = 0;
  std::uint64_t looks = 0; ///< with sampling: how often each thread was looked at
  std::vector<traced_thread> threads;
  calls_by_name calls; ///< of all threads
  std::vector<traced_call> slowest;
  std::map<std::pair<std::string, int>, std::uint64_t> errors; ///< by call and errno
  std::vector<call_site> sites;
  std::vector<trace_anomaly> anomalies;
  std::vector<trace_pattern> patterns;
  critical_path path;
  std::uint64_t lost_samples = 0, lost_calls = 0;
};

/// What a trace may cost, as a part of one core, and what one traced call costs (0.45 us measured with transfers of 64 KiB,
/// 0.7 us in a redis-server under load; bench/RESULTS.md).
inline constexpr double trace_budget = 0.03;
inline constexpr duration traced_call_cost{700};
/// How many windows are to be let go unheard after one in which so many calls were made, for a trace to stay within its budget.
unsigned windows_unheard(std::uint64_t calls, duration window);

/// Waits until there is something to do, or for a time: nothing is wrong with it being long.
bool is_idle_call(std::string_view name);

/// `text` is a duration as people read it: "12.3 us", "4 ms".
std::string short_time(duration value);

} // namespace duende
