// What must fit together in a sandbox.
#include "core/config/loader.hpp"

#include "core/errc.hpp"
#include "core/seccomp_library.hpp"

#include <algorithm>

namespace duende::config {
namespace {

/// Where `section.key` of the daemon stands; the section or the daemon itself where it is not written.
place place_of(const value& table, std::string_view section, std::string_view key) {
  const auto* part = table.find(section);
  if (part == nullptr || part->type != kind::table)
    return table.at;
  const auto* found = part->find(key);
  return found != nullptr ? found->at : part->at;
}

bool asked_from_outside(std::string_view address) { return !address.starts_with("unix:"); }

} // namespace

void loader::finish_security(context& c, const value& table, daemon_spec& spec) {
  if (spec.sandbox && *spec.sandbox == sandbox_spec{})
    spec.sandbox = {}; // as if nothing were written
  if (spec.limits && *spec.limits == limits_spec{})
    spec.limits = {};
  if (spec.limits && spec.limits->lock_memory_required && !spec.limits->lock_memory)
    c.error(
      place_of(table, "resources", "lock_memory_required"),
      "'resources.lock_memory_required' needs 'resources.lock_memory' = true");
  if (!spec.sandbox)
    return;
  const auto& box = *spec.sandbox;
  auto optional = [&](std::string_view feature) {
    return std::find(box.optional.begin(), box.optional.end(), feature) != box.optional.end();
  };
  auto names_unused = [&](std::string_view feature, bool used, std::string_view key) {
    if (optional(feature) && !used)
      c.error(place_of(table, "security", "optional"), "'security.optional': '{}' without 'security.{}'", feature, key);
  };
  names_unused("landlock", box.read_paths || box.write_paths, "read_paths' or 'security.write_paths");
  names_unused("seccomp", box.seccomp != seccomp_mode::off, "seccomp");
  names_unused("network", !box.network, "network = false");
  if (box.seccomp == seccomp_mode::standard && !optional("seccomp"))
    if (auto library = load_seccomp(); !library)
      c.error(place_of(table, "security", "seccomp"), "'security.seccomp': {}", sentence(library.error()));
  if (box.network)
    return;
  auto unreachable = [&](std::string_view section, std::string_view type) {
    c.error(
      place_of(table, section, "type"),
      "'{}.type' = \"{}\" asks from outside, where nobody reaches a daemon with 'security.network' = false; use "
      "unix:PATH, notify, exec or log",
      section, type);
  };
  if (spec.ready.type == readiness_type::http && spec.sockets.empty())
    unreachable("ready", "http");
  if (spec.ready.type == readiness_type::tcp && asked_from_outside(spec.ready.address) && spec.sockets.empty())
    unreachable("ready", "tcp");
  if (spec.health && spec.health->type == health_type::http && spec.sockets.empty())
    unreachable("health_check", "http");
  if (
    spec.health && (spec.health->type == health_type::tcp || spec.health->type == health_type::grpc)
    && asked_from_outside(spec.health->address) && spec.sockets.empty())
    unreachable("health_check", spec.health->type == health_type::tcp ? "tcp" : "grpc");
}

} // namespace duende::config
