// A sample by names: what the API and crash reports write of it.
#pragma once

#include "monitors/observer/sample.hpp"

#include <cmath>
#include <optional>

namespace duende {

/// Calls `put(name, value)` for each figure; the value is an optional where it may not be known. `before` is the sample before it, or
/// null. Those of a cgroup come last, and only where there are any.
template <class Put>
void each_figure(const process_sample& s, const process_sample* before, Put put) {
  auto seconds = [](std::uint64_t ns) { return static_cast<double>(ns) / 1e9; };
  auto seconds_of = [&](std::uint64_t ns) {
    return ns == unknown_figure ? std::optional<double>{} : std::optional{seconds(ns)};
  };
  auto percent = [](float x) { return x < 0 ? std::optional<double>{} : std::optional<double>{x}; };
  put("pid", static_cast<std::int64_t>(s.pid));
  auto load = before != nullptr ? cpu_percent(*before, s) : std::nullopt;
  if (load)
    load = std::round(*load * 100) / 100;
  put("cpu_percent", load);
  put("cpu_seconds", seconds(s.cpu_ns));
  put("user_seconds", seconds(s.user_ns));
  put("system_seconds", seconds(s.system_ns));
  put("wait_seconds", seconds_of(s.wait_ns));
  put("memory_bytes", s.resident_bytes);
  put("virtual_bytes", s.virtual_bytes);
  put("read_bytes", known(s.read_bytes));
  put("written_bytes", known(s.written_bytes));
  put("major_faults", s.major_faults);
  put("context_switches", known(s.switches));
  put("threads", static_cast<std::uint64_t>(s.threads));
  put("open_fds", known(s.open_fds));
  put("children", known(s.children));
  if (!s.in_cgroup)
    return;
  put("cgroup_memory_bytes", known(s.cgroup.memory_bytes));
  put("cgroup_cpu_seconds", seconds_of(s.cgroup.cpu_ns));
  put("cgroup_pids", known(s.cgroup.pids));
  put("cgroup_cpu_pressure_percent", percent(s.cgroup.cpu_pressure));
  put("cgroup_memory_pressure_percent", percent(s.cgroup.memory_pressure));
  put("cgroup_io_pressure_percent", percent(s.cgroup.io_pressure));
}

} // namespace duende
