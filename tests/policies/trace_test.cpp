#include "policies/trace.hpp"
#include "policies/trace_anomalies.hpp"
#include "policies/trace_path.hpp"
#include "policies/trace_patterns.hpp"
#include "tests/support/catch.hpp"

#include <cerrno>
#include <random>

using namespace duende;
using namespace std::chrono_literals;

namespace {

call_figures calls(std::uint64_t count, duration each) {
  call_figures result;
  result.count = count;
  result.time = each * static_cast<std::int64_t>(count);
  result.longest = each;
  result.latencies.slots[latency_histogram::slot_of(each)] = count;
  return result;
}

traced_thread thread(std::int32_t id, std::string name, calls_by_name with, duration on_cpu = 0ns) {
  traced_thread result{1, id, std::move(name), std::move(with), on_cpu, 0ns, 1s};
  return result;
}

/// A report of one thread and one second.
trace_report report_of(calls_by_name with) {
  trace_report result;
  result.traced = result.listened = 1s;
  result.calls = with;
  result.threads.push_back(thread(7, "t", std::move(with)));
  return result;
}

std::vector<anomaly_kind> kinds(const std::vector<trace_pattern>& patterns) {
  std::vector<anomaly_kind> result;
  for (const auto& p : patterns)
    result.push_back(p.kind);
  return result;
}

/// Feeds a mean latency for each window, 100 calls in each.
std::vector<trace_anomaly> judge(const std::vector<duration>& latencies, double threshold, const char* call = "read") {
  anomaly_watch watch{threshold};
  duration at{};
  for (auto latency : latencies) {
    watch.look(call, at, at + trace_window, {100, 0, latency * 100, {}}, {});
    at += trace_window;
  }
  return watch.found();
}

std::vector<duration> noise(std::size_t count) {
  std::mt19937 random{17};
  std::normal_distribution<double> around{1e6, 2e5};
  std::vector<duration> result;
  for (std::size_t i = 0; i < count; ++i)
    result.push_back(duration{static_cast<std::int64_t>(std::max(around(random), 1e5))});
  return result;
}

} // namespace

TEST_CASE("latencies are counted by their binary logarithm", "[trace]") {
  CHECK(latency_histogram::slot_of(0ns) == 0);
  CHECK(latency_histogram::slot_of(1ns) == 0);
  CHECK(latency_histogram::slot_of(2ns) == 1);
  CHECK(latency_histogram::slot_of(1023ns) == 9);
  CHECK(latency_histogram::slot_of(1024ns) == 10);
  CHECK(latency_histogram::slot_of(1000h) == latency_histogram::slot_count - 1);
  latency_histogram h;
  CHECK(h.quantile(0.5) == 0ns);
  for (int i = 0; i < 99; ++i)
    h.add(1500ns);
  h.add(1ms);
  CHECK(h.count() == 100);
  CHECK(h.quantile(0.5) >= 1024ns);
  CHECK(h.quantile(0.5) < 2048ns);
  CHECK(h.quantile(1) >= 524288ns);
  CHECK(h.quantile(1) <= 1048576ns);
}

TEST_CASE("a latency ten times the usual is an anomaly of its first window", "[trace][F043]") {
  std::vector<duration> latencies(20, 2ms);
  latencies.insert(latencies.end(), 5, 20ms);
  auto found = judge(latencies, default_z_score);
  REQUIRE(found.size() == 1);
  CHECK(found[0].kind == anomaly_kind::latency);
  CHECK(found[0].call == "read");
  CHECK(found[0].from == 20 * trace_window);
  CHECK(found[0].z > 10);
  CHECK(found[0].usual == Approx(0.002));
  CHECK(found[0].value == Approx(0.02));
  CHECK(found[0].text.find("read took 20 ms, usually 2 ms") == 0);
}

TEST_CASE("an anomaly says how far it went from what was usual before", "[trace][F043]") {
  std::vector<duration> latencies(20, 2ms);
  latencies.push_back(4ms); // the window in which it began
  latencies.insert(latencies.end(), 8, 20ms);
  auto found = judge(latencies, default_z_score);
  REQUIRE(found.size() == 1);
  CHECK(found[0].usual == Approx(0.002));
  CHECK(found[0].value == Approx(0.02));
  CHECK(found[0].text.find("read took 20 ms, usually 2 ms") == 0);
}

TEST_CASE("a window in which the machine stood still hides no later anomaly", "[trace][F043]") {
  std::vector<duration> latencies(12, 2ms);
  latencies[3] = 60ms;
  latencies.insert(latencies.end(), 5, 20ms);
  auto found = judge(latencies, default_z_score);
  REQUIRE(found.size() == 1);
  CHECK(found[0].from == 12 * trace_window);
}

TEST_CASE("a trace stays within its budget", "[trace][F041]") {
  CHECK(windows_unheard(0, trace_window) == 0);
  CHECK(windows_unheard(4'000, trace_window) == 0);
  CHECK(windows_unheard(12'000, trace_window) == 2);
  CHECK(windows_unheard(1'000'000'000, trace_window) == 9);
  CHECK(windows_unheard(1, duration{}) == 9);
  for (std::uint64_t calls = 0; calls < 40'000; calls += 123) {
    const auto cost = 0.7e-6 * static_cast<double>(calls) / 0.1 / (1 + windows_unheard(calls, trace_window));
    CHECK(cost <= trace_budget * 1.0001);
  }
}

TEST_CASE("a call that hangs is an anomaly before it ends", "[trace][F043]") {
  anomaly_watch watch{default_z_score};
  for (int i = 0; i < 10; ++i)
    watch.look("read", i * trace_window, (i + 1) * trace_window, {50, 0, 100ms, 1ms}, {});
  CHECK(watch.found().empty());
  int begun = 0;
  for (int i = 10; i < 15; ++i) // and is told once
    watch.look(
      "read", i * trace_window, (i + 1) * trace_window, {0, 0, 0ms, (i - 9) * 100ms}, [&](const trace_anomaly& a) {
        if (a.kind == anomaly_kind::latency)
          ++begun;
      });
  CHECK(begun == 1);
}

TEST_CASE("what is steady, or only waits for work, is none", "[trace]") {
  CHECK(judge(std::vector<duration>(100, 3ms), default_z_score).empty());
  std::vector<duration> waits(20, 1ms);
  waits.push_back(1s);
  CHECK(judge(waits, default_z_score, "epoll_wait").empty());
  CHECK(judge({1ms, 100ms, 1ms, 300ms}, default_z_score).empty()); // nobody knows yet what is usual
}

TEST_CASE("the lower the threshold, the more anomalies", "[trace][F044]") {
  auto series = noise(600);
  auto all = [&](double z) { return judge(series, z).size(); };
  CHECK(all(1) > all(2));
  CHECK(all(2) > all(3));
  CHECK(all(10) == 0);
}

TEST_CASE("rates and errors are judged, too", "[trace]") {
  anomaly_watch watch{default_z_score};
  std::vector<std::string> begun;
  auto tell = [&](const trace_anomaly& a) { begun.push_back(std::string{to_string(a.kind)}); };
  duration at{};
  auto look = [&](std::uint64_t count, std::uint64_t errors) {
    watch.look("openat", at, at + trace_window, {count, errors, 10us * static_cast<std::int64_t>(count), {}}, tell);
    at += trace_window;
  };
  for (int i = 0; i < 20; ++i)
    look(100, 0);
  CHECK(begun.empty());
  look(100, 60);
  CHECK(begun == std::vector<std::string>{"errors"});
  for (int i = 0; i < 60; ++i)
    look(100, 0);
  look(0, 0); // silence is a change, too
  CHECK(begun == std::vector<std::string>{"errors", "rate"});
  CHECK(watch.found().back().text.find("calls of openat fell to 0/s, usually 1000/s") == 0);
}

TEST_CASE("anomalies are bounded", "[trace]") {
  anomaly_watch watch{0.5};
  for (int call = 0; call < 1000; ++call)
    for (int i = 0; i < 20; ++i)
      watch.look(
        "c" + std::to_string(call), i * trace_window, (i + 1) * trace_window, {i == 15 ? 900ul : 10ul, 0, 1ms, {}}, {});
  CHECK(watch.found().size() == anomaly_watch::most_anomalies);
}

TEST_CASE("patterns, each with its opposite", "[trace][F046]") {
  auto same = [](std::uint64_t count, duration took, std::int64_t result) {
    auto figures = calls(count, 1us);
    figures.same = count;
    figures.same_time = took;
    figures.same_result = result;
    return figures;
  };
  auto zeros = [](call_figures figures) {
    figures.zeros = figures.count;
    return figures;
  };
  using list = std::vector<anomaly_kind>;
  struct row {
    const char* what;
    calls_by_name with;
    list expected;
  };
  const row table[] = {
    {"1000 identical calls in a row", {{"getppid", same(1000, 1ms, 5)}}, {anomaly_kind::tight_loop}},
    {"999", {{"getppid", same(999, 1ms, 5)}}, {}},
    {"slowly", {{"getppid", same(1000, 900ms, 5)}}, {}},
    {"reading a large file", {{"read", same(5000, 50ms, 65536)}}, {}},
    {"writing single bytes", {{"write", same(5000, 50ms, 1)}}, {anomaly_kind::tight_loop}},
    {"polls for nothing", {{"poll", zeros(calls(500, 1ms))}}, {anomaly_kind::busy_polling}},
    {"polls with an answer", {{"poll", calls(500, 1ms)}}, {}},
    {"spinning", {{"sched_yield", calls(50000, 1us)}}, {anomaly_kind::busy_polling}},
    {"short naps", {{"clock_nanosleep", calls(5000, 100us)}}, {anomaly_kind::busy_polling}},
    {"a nap now and then", {{"clock_nanosleep", calls(10, 100ms)}}, {}},
    {"memory back and forth", {{"mmap", calls(800, 5us)}, {"munmap", calls(800, 5us)}}, {anomaly_kind::memory_churn}},
    {"memory now and then", {{"mmap", calls(50, 5us)}, {"munmap", calls(50, 5us)}}, {}},
    {"one thread with its futex", {{"futex", calls(5000, 100us)}}, {}},
  };
  for (const auto& r : table) {
    INFO(r.what);
    CHECK(kinds(find_patterns(report_of(r.with))) == r.expected);
  }
}

TEST_CASE("threads that wait for a lock contend, a pool without work does not", "[trace]") {
  auto with = [](std::uint64_t count, duration each) {
    trace_report result;
    result.traced = result.listened = 1s;
    for (int id = 1; id <= 3; ++id) {
      result.threads.push_back(thread(id, "t", {{"futex", calls(count, each)}}));
      result.calls["futex"].add(calls(count, each));
    }
    return kinds(find_patterns(result));
  };
  CHECK(with(500, 1ms) == std::vector<anomaly_kind>{anomaly_kind::lock_contention});
  CHECK(with(1, 990ms).empty());
  CHECK(with(500, 10us).empty());
}

TEST_CASE("EAGAIN again and again is busy polling", "[trace]") {
  auto report = report_of({{"recvfrom", calls(20000, 1us)}});
  report.errors[{"recvfrom", EAGAIN}] = 19000;
  CHECK(kinds(find_patterns(report)) == std::vector<anomaly_kind>{anomaly_kind::busy_polling});
  report.errors[{"recvfrom", EAGAIN}] = 500;
  CHECK(find_patterns(report).empty());
}

TEST_CASE("the bottleneck is what the busiest thread's time goes to", "[trace][F045]") {
  std::vector<call_site> sites{
    {"fsync", 3, 1ms, {{"fsync", "", 0, "/usr/lib/libc.so.6", 1}, {"flush", "store.c", 42, "/usr/bin/db", 2}}}};
  auto path = find_path(
    {thread(1, "main", {{"epoll_wait", calls(100, 9900us)}}), thread(2, "disk", {{"fsync", calls(43, 20ms)}}, 50ms)},
    sites);
  CHECK(path.bottleneck == "fsync");
  CHECK(path.thread == 2);
  CHECK(path.share == Approx(0.86));
  CHECK(
    path.text
    == "thread 2 (disk) spends 86 % of its time in fsync (43 calls, 20 ms each), called from store.c:42 (flush)");

  SECTION("who holds the lock, not who waits for it") {
    auto held = find_path(
      {thread(1, "w1", {{"futex", calls(10, 98ms)}}), thread(2, "w2", {{"futex", calls(10, 98ms)}}),
       thread(3, "holder", {{"recvfrom", calls(20, 45ms)}})},
      {});
    CHECK(held.bottleneck == "recvfrom");
    CHECK(held.thread == 3);
    CHECK(held.text.find("meanwhile thread 1 (w1) waits in futex for 98 %") != std::string::npos);
  }
  SECTION("a lock that nobody holds for long") {
    CHECK(
      find_path(
        {thread(1, "a", {{"futex", calls(10, 80ms)}}, 50ms), thread(2, "b", {{"futex", calls(10, 80ms)}}, 50ms)}, {})
        .bottleneck
      == "futex");
  }
  SECTION("computing") {
    auto computing = find_path({thread(1, "a", {{"write", calls(10, 1ms)}}, 950ms)}, {});
    CHECK(computing.bottleneck == "computing");
    CHECK(computing.text == "thread 1 (a) computes for 95 % of the time, outside of system calls");
  }
  SECTION("others have the CPU") {
    auto t = thread(1, "a", {{"write", calls(10, 1ms)}}, 200ms);
    t.runnable = 700ms;
    CHECK(find_path({t}, {}).bottleneck == "waiting for a CPU");
  }
  SECTION("idle") {
    auto idle = find_path({thread(1, "a", {{"epoll_wait", calls(3, 330ms)}}, 1ms)}, {});
    CHECK(idle.bottleneck.empty());
    CHECK(idle.text == "no bottleneck: it waits for work");
  }
  SECTION("a child that lived for a moment") {
    auto brief = thread(2, "sh", {{"execve", calls(1, 900us)}});
    brief.traced = 1ms;
    CHECK(find_path({thread(1, "a", {{"wait4", calls(3, 330ms)}}, 1ms), brief}, {}).bottleneck.empty());
  }
  CHECK(find_path({}, {}).bottleneck.empty());
}

TEST_CASE("a place is one of the program's", "[trace]") {
  CHECK(place_of({}).empty());
  CHECK(place_of({{"write", "write.c", 26, "/lib/x86_64-linux-gnu/libc.so.6", 1}}).empty());
  CHECK(place_of({{"write", "", 0, "/lib/libc.so.6", 1}, {"main", "", 0, "/usr/bin/x", 2}}) == "main in /usr/bin/x");
  CHECK(
    place_of({{"inner", "", 0, "/usr/lib/libz.so.1", 1}, {"main", "main.c", 3, "/usr/bin/x", 2}}) == "main.c:3 (main)");
}

TEST_CASE("short times are readable", "[trace]") {
  CHECK(short_time(0ns) == "0 ns");
  CHECK(short_time(999ns) == "999 ns");
  CHECK(short_time(12345ns) == "12.3 us");
  CHECK(short_time(999999ns) == "1 ms");
  CHECK(short_time(90s) == "90 s");
}
