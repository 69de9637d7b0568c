#include "policies/limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace duende {
namespace {

struct cpu_bandwidth {
  long quota_us = 0; ///< 0: not limited
  long period_us = 100'000;
};

/// The kernel takes no quota below 1 ms, and no period above 1 s.
cpu_bandwidth bandwidth_of(double percent) {
  cpu_bandwidth result;
  if (percent <= 0)
    return result;
  result.quota_us = std::lround(percent / 100 * static_cast<double>(result.period_us));
  if (result.quota_us < 1000) {
    result.period_us = 1'000'000;
    result.quota_us = std::max(1000l, std::lround(percent / 100 * static_cast<double>(result.period_us)));
  }
  return result;
}

std::string number_or(std::uint64_t value, std::string_view unlimited) {
  return value == 0 ? std::string{unlimited} : std::to_string(value);
}

/// The usual 1024 shares are the usual weight, 100.
std::uint64_t weight_of(std::uint32_t shares) {
  return shares == 0 ? 100 : std::clamp<std::uint64_t>((std::uint64_t{shares} * 100 + 512) / 1024, 1, 10'000);
}

void memory_v1(std::vector<cgroup_write>& out, const limits_spec& l) {
  out.push_back({"memory_bytes", "memory.limit_in_bytes", number_or(l.memory_bytes, "-1"), l.memory_bytes == 0});
  out.push_back(
    {"memory_swap_bytes", "memory.memsw.limit_in_bytes", number_or(l.memory_swap_bytes, "-1"),
     l.memory_swap_bytes == 0});
}

void memory_v2(std::vector<cgroup_write>& out, const limits_spec& l) {
  out.push_back({"memory_bytes", "memory.max", number_or(l.memory_bytes, "max"), l.memory_bytes == 0});
  // Here swap is counted alone.
  auto swap = l.memory_swap_bytes == 0
                ? std::string{"max"}
                : std::to_string(l.memory_swap_bytes - std::min(l.memory_swap_bytes, l.memory_bytes));
  out.push_back({"memory_swap_bytes", "memory.swap.max", std::move(swap), l.memory_swap_bytes == 0});
}

void cpu(std::vector<cgroup_write>& out, const limits_spec& l, cgroup_version version) {
  auto [quota, period] = bandwidth_of(l.cpu_quota_percent);
  if (version == cgroup_version::v2) {
    out.push_back(
      {"cpu_quota_percent", "cpu.max", fmt::format("{} {}", quota == 0 ? "max" : std::to_string(quota), period),
       quota == 0});
    out.push_back({"cpu_shares", "cpu.weight", std::to_string(weight_of(l.cpu_shares)), l.cpu_shares == 0});
    return;
  }
  if (quota != 0)
    out.push_back({"cpu_quota_percent", "cpu.cfs_period_us", std::to_string(period)});
  out.push_back({"cpu_quota_percent", "cpu.cfs_quota_us", quota == 0 ? "-1" : std::to_string(quota), quota == 0});
  out.push_back({"cpu_shares", "cpu.shares", number_or(l.cpu_shares, "1024"), l.cpu_shares == 0});
}

void io(
  std::vector<cgroup_write>& out, const limits_spec& l, cgroup_version version, std::span<const block_device> disks) {
  for (auto [major, minor] : disks) {
    if (version == cgroup_version::v2) {
      out.push_back(
        {l.io_read_bps != 0 ? "io_read_bps" : "io_write_bps", "io.max",
         fmt::format(
           "{}:{} rbps={} wbps={}", major, minor, number_or(l.io_read_bps, "max"), number_or(l.io_write_bps, "max")),
         l.io_read_bps == 0 && l.io_write_bps == 0});
      continue;
    }
    auto one =
      [&, disk = fmt::format("{}:{}", major, minor)](std::string_view key, std::string_view file, std::uint64_t bps) {
        out.push_back({key, std::string{file}, fmt::format("{} {}", disk, bps), bps == 0});
      };
    one("io_read_bps", "blkio.throttle.read_bps_device", l.io_read_bps);
    one("io_write_bps", "blkio.throttle.write_bps_device", l.io_write_bps);
  }
}

} // namespace

std::string_view to_string(cgroup_controller x, cgroup_version version) {
  switch (x) {
    case cgroup_controller::memory: return "memory";
    case cgroup_controller::cpu: return "cpu";
    case cgroup_controller::io: return version == cgroup_version::v1 ? "blkio" : "io";
    case cgroup_controller::pids: break;
  }
  return "pids";
}

bool needs(const limits_spec& limits, cgroup_controller which) {
  switch (which) {
    case cgroup_controller::memory: return limits.memory_bytes != 0 || limits.memory_swap_bytes != 0;
    case cgroup_controller::cpu: return limits.cpu_quota_percent > 0 || limits.cpu_shares != 0;
    case cgroup_controller::io: return limits.io_read_bps != 0 || limits.io_write_bps != 0;
    case cgroup_controller::pids: break;
  }
  return limits.pids_max != 0;
}

bool needs_cgroup(const limits_spec& limits) {
  return std::any_of(
    std::begin(all_controllers), std::end(all_controllers), [&](auto which) { return needs(limits, which); });
}

std::vector<cgroup_write> cgroup_writes(
  const limits_spec& limits, cgroup_controller which, cgroup_version version, std::span<const block_device> disks) {
  std::vector<cgroup_write> out;
  switch (which) {
    case cgroup_controller::memory:
      version == cgroup_version::v1 ? memory_v1(out, limits) : memory_v2(out, limits);
      break;
    case cgroup_controller::cpu: cpu(out, limits, version); break;
    case cgroup_controller::io: io(out, limits, version, disks); break;
    case cgroup_controller::pids:
      out.push_back({"pids_max", "pids.max", number_or(limits.pids_max, "max"), limits.pids_max == 0});
      break;
  }
  return out;
}

std::uint64_t counter_in(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == ' ') {
      std::uint64_t value = 0;
      std::from_chars(line.data() + key.size() + 1, line.data() + line.size(), value);
      return value;
    }
  }
  return 0;
}

} // namespace duende
