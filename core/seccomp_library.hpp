// libseccomp, loaded when first needed: a node without seccomp filters does not pay for it.
#pragma once

#include <caf/expected.hpp>

#include <seccomp.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace duende {

/// The functions used, with the types of the header.
struct seccomp_library {
  decltype(&::seccomp_init) init = nullptr;
  decltype(&::seccomp_release) release = nullptr;
  decltype(&::seccomp_attr_set) attr_set = nullptr;
  decltype(&::seccomp_rule_add_array) rule_add = nullptr;
  decltype(&::seccomp_export_bpf) export_bpf = nullptr;
  decltype(&::seccomp_syscall_resolve_name) resolve_name = nullptr;
  decltype(&::seccomp_syscall_resolve_num_arch) resolve_number = nullptr;
};

/// Loads it at the first call; never unloaded. Thread-safe. Errors: unsupported, with how to get it.
caf::expected<const seccomp_library*> load_seccomp();

/// Whether libseccomp knows a system call of that name, on any machine.
bool is_system_call(const seccomp_library& with, const std::string& name);
/// The names of this machine's system calls, for "did you mean".
std::vector<std::string> system_call_names(const seccomp_library& with);
/// "ptrace" for 101 of AUDIT_ARCH_X86_64; none where it has no name or there is no libseccomp.
std::optional<std::string> system_call_name(std::uint32_t arch, int number);

} // namespace duende
