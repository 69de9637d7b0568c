// Rows of keys that are known but not supported by this version.
#include "core/config/rules.hpp"

#include <array>

namespace duende::config {
namespace {

constexpr rule
later(std::string_view section, std::string_view key, shape type, std::string_view doc, std::string_view neutral = {}) {
  rule result{section, key, type, doc};
  result.neutral = neutral;
  return result;
}

constexpr rule no_limit(std::string_view key, std::string_view doc, std::string_view instead) {
  rule result{"daemon.resources", key, shape::size, doc};
  result.neutral = "0";
  result.instead = instead;
  return result;
}

constexpr rule group(std::string_view key, shape type, std::string_view doc) { return {"daemon", key, type, doc}; }

constexpr auto later_rules = std::to_array<rule>({
  no_limit(
    "network_bps", "Bytes a second over the network; 0 = not limited.",
    "the kernel shapes what a device sends, not what a process does; have tc limit the device, or cut the daemon off "
    "with "
    "security.network = false"),
  no_limit(
    "disk_bytes", "Bytes of files; 0 = not limited.",
    "a quota belongs to a file system, not to a process; give its folders one of their own (a project quota, a loop "
    "device, a tmpfs of that size)"),

  group("placement", shape::section, "Clusters only."),
  later("daemon.placement", "node", shape::name, "The node it runs on."),
  later("daemon.placement", "labels", shape::text_table, "Labels its node must have.", "{}"),
  later("daemon.placement", "spread", shape::boolean, "Instances on different nodes.", "false"),

  group("platform", shape::section, "What only one backend understands."),
  later("daemon.platform", "container_image", shape::text, "container: image."),
  later("daemon.platform", "kernel_path", shape::path, "microvm: kernel."),
  later("daemon.platform", "rootfs_path", shape::path, "microvm: root file system."),
  later("daemon.platform", "vcpus", shape::integer, "microvm: processors."),
  later("daemon.platform", "accel", shape::text, "microvm: auto, kvm or tcg."),
  later("daemon.platform", "module", shape::path, "wasm: module."),
  later("daemon.platform", "priority", shape::integer, "wasm: 0 to 7."),
  later("daemon.platform", "fuel_per_slice", shape::integer, "wasm: instructions per slice."),
  later("daemon.platform", "preopen", shape::text_table, "wasm: folders."),
  later("daemon.platform", "scope", shape::text, "systemd: system or user."),
  later("daemon.platform", "slice", shape::text, "systemd: slice."),
});

} // namespace

std::span<const rule> unsupported_rules() { return later_rules; }

} // namespace duende::config
