#include "policies/hardening.hpp"

#include "core/capabilities.hpp"

#include <algorithm>
#include <array>
#include <bit>

namespace duende {
namespace {

// Each of them is, or leads to, all that root can do.
constexpr auto mighty = std::to_array<const char*>(
  {"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP",
   "CAP_SETFCAP", "CAP_NET_ADMIN", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_PTRACE", "CAP_SYS_ADMIN", "CAP_MKNOD",
   "CAP_BPF", "CAP_SYS_BOOT"});

constexpr int for_user = 20, for_capabilities = 20, for_privileges = 10, for_calls = 20, for_writes = 15, for_reads = 5,
              for_network = 10;
static_assert(for_user + for_capabilities + for_privileges + for_calls + for_writes + for_reads + for_network == 100);

/// One half is for those that are root by another name, one for there being any.
int gain_of_capabilities(std::uint64_t held) {
  std::uint64_t all = 0;
  for (const char* name : mighty)
    all |= capability_bit(*capability_number(name));
  auto left = std::popcount(held & all), of = std::popcount(all);
  return for_capabilities / 2 * left / of + (left > 0 ? 1 : 0) + (held != 0 ? for_capabilities / 2 - 1 : 0);
}

} // namespace

hardening rate(const hardening_facts& facts) {
  std::vector<hardening_step> steps;
  auto missing = [&](bool there, int gain, const char* text) {
    if (!there && gain > 0)
      steps.push_back({gain, text});
  };
  missing(!facts.root, for_user, "user = \"NAME\": it runs as root, and every file of the machine is its own");
  missing(
    false, gain_of_capabilities(facts.capabilities),
    "security.capabilities = []: it may have rights of root; name there what it needs");
  missing(
    facts.calls_filtered, for_calls,
    "security.seccomp = \"default\": it may make every system call, also those that only attacks use");
  missing(
    facts.writes_restricted, for_writes,
    "security.write_paths = [...]: it may write wherever its user may; name the folders it needs");
  missing(
    facts.own_network, for_network,
    "security.network = false: it reaches every network; where it only serves, [[daemon.socket]] gives it its "
    "listeners");
  missing(
    facts.no_new_privileges, for_privileges,
    "security.no_new_privileges = true: programs with the set-user-id bit make it root");
  missing(
    facts.reads_restricted, for_reads, "security.read_paths = [...]: it may read whatever its user may, keys included");
  hardening result;
  result.score = 100;
  for (const auto& step : steps)
    result.score -= step.gain;
  std::stable_sort(steps.begin(), steps.end(), [](auto& a, auto& b) { return a.gain > b.gain; });
  if (steps.size() > 3)
    steps.resize(3);
  result.steps = std::move(steps);
  return result;
}

} // namespace duende
