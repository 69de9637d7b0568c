#include "policies/limits.hpp"

#include "tests/support/catch.hpp"

using namespace duende;

namespace {

std::string written(
  const limits_spec& limits, cgroup_controller which, cgroup_version version,
  const std::vector<block_device>& disks = {}) {
  std::string text;
  for (auto& each : cgroup_writes(limits, which, version, disks))
    text += each.file + "=" + each.value + (each.optional ? "? " : " ");
  return text;
}

} // namespace

TEST_CASE("limits become the files of both versions") {
  using enum cgroup_controller;
  using enum cgroup_version;
  limits_spec l;
  l.memory_bytes = 512u << 20;
  CHECK(written(l, memory, v2) == "memory.max=536870912 memory.swap.max=max? ");
  CHECK(written(l, memory, v1) == "memory.limit_in_bytes=536870912 memory.memsw.limit_in_bytes=-1? ");
  l.memory_swap_bytes = 768u << 20; // counted together by us and by version 1
  CHECK(written(l, memory, v2) == "memory.max=536870912 memory.swap.max=268435456 ");
  CHECK(written(l, memory, v1) == "memory.limit_in_bytes=536870912 memory.memsw.limit_in_bytes=805306368 ");
  l.cpu_quota_percent = 150;
  l.cpu_shares = 2048;
  CHECK(written(l, cpu, v2) == "cpu.max=150000 100000 cpu.weight=200 ");
  CHECK(written(l, cpu, v1) == "cpu.cfs_period_us=100000 cpu.cfs_quota_us=150000 cpu.shares=2048 ");
  l.cpu_quota_percent = 0.5; // below the smallest quota of the usual period
  CHECK(written(l, cpu, v2) == "cpu.max=5000 1000000 cpu.weight=200 ");
  l.cpu_quota_percent = 0.0001;
  CHECK(written(l, cpu, v2) == "cpu.max=1000 1000000 cpu.weight=200 ");
  l.pids_max = 10;
  CHECK(written(l, pids, v2) == "pids.max=10 ");
  l.io_write_bps = 1000;
  CHECK(written(l, io, v2, {{8, 0}, {254, 16}}) == "io.max=8:0 rbps=max wbps=1000 io.max=254:16 rbps=max wbps=1000 ");
  CHECK(
    written(l, io, v1, {{8, 0}}) == "blkio.throttle.read_bps_device=8:0 0? blkio.throttle.write_bps_device=8:0 1000 ");
}

TEST_CASE("what is not limited is lifted") {
  using enum cgroup_controller;
  using enum cgroup_version;
  limits_spec none;
  CHECK(written(none, memory, v2) == "memory.max=max? memory.swap.max=max? ");
  CHECK(written(none, memory, v1) == "memory.limit_in_bytes=-1? memory.memsw.limit_in_bytes=-1? ");
  CHECK(written(none, cpu, v2) == "cpu.max=max 100000? cpu.weight=100? ");
  CHECK(written(none, cpu, v1) == "cpu.cfs_quota_us=-1? cpu.shares=1024? ");
  CHECK(written(none, pids, v1) == "pids.max=max? ");
  CHECK(!needs_cgroup(none));
  for (auto which : all_controllers)
    CHECK(!needs(none, which));
  limits_spec locks;
  locks.lock_memory = true; // no control group does that
  CHECK(!needs_cgroup(locks));
  limits_spec swap;
  swap.memory_swap_bytes = 1;
  CHECK(needs(swap, memory));
}

TEST_CASE("shares are weights within the kernel's bounds") {
  using enum cgroup_version;
  for (auto [shares, weight] : {std::pair{1u, "1"}, {1024u, "100"}, {262'144u, "10000"}}) {
    limits_spec l;
    l.cpu_shares = shares;
    CHECK(cgroup_writes(l, cgroup_controller::cpu, v2, {}).back().value == weight);
  }
}

TEST_CASE("counters are found by their whole name") {
  CHECK(counter_in("low 0\nmax 7\noom 3\noom_kill 12\n", "oom_kill") == 12);
  CHECK(counter_in("oom_kill_disable 1\nunder_oom 0\noom_kill 2", "oom_kill") == 2);
  CHECK(counter_in("oom_kill_disable 1\n", "oom_kill") == 0);
  CHECK(counter_in("", "max") == 0);
  CHECK(counter_in("max\nmax x\n", "max") == 0);
}
