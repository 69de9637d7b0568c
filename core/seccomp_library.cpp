#include "core/seccomp_library.hpp"

#include "core/errc.hpp"
#include "core/shared_library.hpp"

#include <cstdlib>

namespace duende {
namespace {

loaded_functions<seccomp_library> find_seccomp_functions() {
  loaded_functions<seccomp_library> result;
  shared_library file{"libseccomp.so.2"};
  auto& to = result.library;
  file.find(to.init, "seccomp_init");
  file.find(to.release, "seccomp_release");
  file.find(to.attr_set, "seccomp_attr_set");
  file.find(to.rule_add, "seccomp_rule_add_array");
  file.find(to.export_bpf, "seccomp_export_bpf");
  file.find(to.resolve_name, "seccomp_syscall_resolve_name");
  file.find(to.resolve_number, "seccomp_syscall_resolve_num_arch");
  result.problem = file.problem();
  return result;
}

} // namespace

caf::expected<const seccomp_library*> load_seccomp() {
  static const auto once = find_seccomp_functions();
  if (!once.problem.empty())
    return fail(
      errc::unsupported, "seccomp needs libseccomp: {}; install it (Debian: apt-get install libseccomp2)",
      once.problem);
  return &once.library;
}

bool is_system_call(const seccomp_library& with, const std::string& name) {
  return with.resolve_name(name.c_str()) != __NR_SCMP_ERROR;
}

std::vector<std::string> system_call_names(const seccomp_library& with) {
  constexpr int most = 1024; // the highest number in use is below 500
  std::vector<std::string> names;
  for (int number = 0; number < most; ++number)
    if (char* name = with.resolve_number(SCMP_ARCH_NATIVE, number); name != nullptr) {
      names.emplace_back(name);
      std::free(name); // NOLINT: libseccomp says so
    }
  return names;
}

std::optional<std::string> system_call_name(std::uint32_t arch, int number) {
  auto with = load_seccomp();
  char* name = with ? (*with)->resolve_number(arch, number) : nullptr;
  if (name == nullptr)
    return std::nullopt;
  std::string result{name};
  std::free(name); // NOLINT: libseccomp says so
  return result;
}

} // namespace duende
