#include "core/capabilities.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace duende {

const std::vector<std::string_view>& capability_names() {
  static const std::vector<std::string_view> names = {
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE"};
  return names;
}

std::string capability_name(int number) {
  const auto& names = capability_names();
  if (number >= 0 && number < static_cast<int>(names.size()))
    return std::string{names[static_cast<std::size_t>(number)]};
  return fmt::format("capability {}", number);
}

std::optional<int> capability_number(std::string_view name) {
  std::string upper{name.substr(0, 64)};
  std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) { return std::toupper(c); });
  if (!upper.starts_with("CAP_"))
    upper = "CAP_" + upper;
  const auto& names = capability_names();
  auto found = std::find(names.begin(), names.end(), upper);
  return found == names.end() ? std::nullopt : std::optional{static_cast<int>(found - names.begin())};
}

} // namespace duende
