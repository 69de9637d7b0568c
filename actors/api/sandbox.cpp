#include "actors/api/sandbox.hpp"

#include "core/capabilities.hpp"
#include "monitors/usage/process_rights.hpp"
#include "policies/hardening.hpp"

#include <sys/syscall.h>
#include <unistd.h>

namespace duende::api {
namespace {

/// The kernel tells nobody of landlock: what was asked for is in force where the kernel has it.
bool kernel_has_landlock() {
  static const bool there = syscall(444, nullptr, 0, 1) > 0; // landlock_create_ruleset, for its version
  return there;
}

std::string_view filter_word(const process_rights& rights, const sandbox_spec& box) {
  if (!rights.calls_filtered)
    return "off";
  switch (box.seccomp) {
    case seccomp_mode::standard: return "default";
    case seccomp_mode::allow: return "allow";
    case seccomp_mode::deny: return "deny";
    case seccomp_mode::off: break;
  }
  return "its own";
}

void write_paths(json_writer& out, const char* key, const std::optional<std::vector<std::string>>& paths) {
  out.key(key);
  if (!paths || !kernel_has_landlock()) {
    out.null();
    return;
  }
  out.begin_array();
  for (const auto& path : *paths)
    out.value(path);
  out.end_array();
}

} // namespace

void write_sandbox(json_writer& out, control& node, const daemon_status& daemon) {
  auto rights = read_rights(daemon.pid);
  auto spec = node.spec(daemon.name);
  out.key("sandbox");
  if (!rights || !spec) {
    out.null().member("locked_bytes", std::optional<std::uint64_t>{});
    return;
  }
  auto box = (*spec)->sandbox ? *(*spec)->sandbox : sandbox_spec{};
  hardening_facts facts;
  facts.root = rights->user == 0;
  // An exec gives root all that its bounding set has; others gain by programs with file capabilities or set-user-id.
  bool gains = facts.root || !rights->no_new_privileges;
  facts.capabilities = rights->permitted | (gains ? rights->bounding : 0);
  facts.no_new_privileges = rights->no_new_privileges;
  facts.calls_filtered = rights->calls_filtered;
  facts.reads_restricted = box.read_paths && kernel_has_landlock();
  facts.writes_restricted = box.write_paths && kernel_has_landlock();
  facts.own_network = rights->own_network.value_or(!box.network);
  auto rated = rate(facts);
  out.begin_object();
  out.member("score", rated.score).member("user", static_cast<std::uint32_t>(rights->user));
  out.key("capabilities").begin_array();
  for (int number = 0; number < static_cast<int>(capability_names().size()); ++number)
    if ((facts.capabilities & capability_bit(number)) != 0)
      out.value(capability_name(number));
  out.end_array();
  out.member("no_new_privileges", rights->no_new_privileges).member("seccomp", filter_word(*rights, box));
  write_paths(out, "read_paths", box.read_paths);
  write_paths(out, "write_paths", box.write_paths);
  out.member("network", !facts.own_network);
  out.key("next").begin_array();
  for (const auto& step : rated.steps)
    out.begin_object().member("gain", step.gain).member("text", step.text).end_object();
  out.end_array().end_object();
  out.member("locked_bytes", rights->locked_bytes);
}

} // namespace duende::api
