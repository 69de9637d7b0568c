#include "policies/seccomp.hpp"

#include "core/errc.hpp"
#include "core/seccomp_library.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <sched.h>

namespace duende {
namespace {

using context = std::unique_ptr<void, decltype(&::seccomp_release)>;

// In every list of allowed calls: without them nothing starts, or tells that it could not.
constexpr const char* always_allowed[] = {"execve", "exit", "exit_group", "rt_sigreturn", "restart_syscall", "write"};
// New namespaces give back what was taken: a user of its own has every capability there.
constexpr unsigned namespaces[] = {CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                   CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET};
constexpr std::size_t kept_programs = 64;

caf::error refuse(std::string_view what, int result) {
  return fail(errc::invalid_config, "cannot make its seccomp filter: {}: {}", what, std::strerror(-result));
}

/// The program out of libseccomp, which writes to descriptors only.
caf::expected<std::shared_ptr<const std::string>> export_program(const seccomp_library& with, void* filter) {
  int fd = memfd_create("duende-seccomp", MFD_CLOEXEC);
  if (fd < 0)
    return fail(errc::io_failure, "cannot create a memory file: {}", std::strerror(errno));
  int result = with.export_bpf(filter, fd);
  auto size = result == 0 ? lseek(fd, 0, SEEK_END) : -1;
  auto program = std::make_shared<std::string>(size > 0 ? static_cast<std::size_t>(size) : 0, '\0');
  bool whole = size > 0 && pread(fd, program->data(), program->size(), 0) == size;
  close(fd);
  if (!whole)
    return refuse("exporting it", result != 0 ? result : -EIO);
  return program;
}

/// Adds the call; one that this machine does not have needs no rule.
caf::expected<void> add(const seccomp_library& with, void* filter, std::uint32_t action, const char* name) {
  int number = with.resolve_name(name);
  if (number == __NR_SCMP_ERROR)
    return fail(errc::invalid_config, "cannot make its seccomp filter: libseccomp knows no system call '{}'", name);
  if (number < 0)
    return caf::unit;
  if (int result = with.rule_add(filter, action, number, 0, nullptr); result != 0 && result != -EEXIST)
    return refuse(name, result);
  return caf::unit;
}

caf::expected<void> add_default(const seccomp_library& with, void* filter) {
  for (auto name : dangerous_calls())
    if (with.resolve_name(name.data()) != __NR_SCMP_ERROR) // an older library does not know the newest
      if (auto added = add(with, filter, SCMP_ACT_ERRNO(EPERM), name.data()); !added)
        return added;
  for (auto flag : namespaces) {
    scmp_arg_cmp test{0, SCMP_CMP_MASKED_EQ, flag, flag};
    if (int result = with.rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1, &test); result != 0)
      return refuse("clone", result);
  }
  // Its flags are in memory, out of a filter's sight; C libraries fall back to clone.
  return add(with, filter, SCMP_ACT_ERRNO(ENOSYS), "clone3");
}

caf::expected<std::shared_ptr<const std::string>> compile(const sandbox_spec& box) {
  auto library = load_seccomp();
  if (!library)
    return library.error();
  const auto& with = **library;
  bool standard = box.seccomp == seccomp_mode::standard, allow = box.seccomp == seccomp_mode::allow;
  std::uint32_t no = standard || box.action == seccomp_action::fail ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_KILL_PROCESS;
  context filter{with.init(allow ? no : SCMP_ACT_ALLOW), with.release};
  if (!filter)
    return refuse("creating it", -ENOMEM);
  with.attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, no);
  with.attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2); // a tree of comparisons, from libseccomp 2.5 on
  caf::expected<void> added = caf::unit;
  if (standard)
    added = add_default(with, filter.get());
  if (allow)
    for (const char* name : always_allowed)
      if (added)
        added = add(with, filter.get(), SCMP_ACT_ALLOW, name);
  if (!standard)
    for (const auto& name : box.calls)
      if (added)
        added = add(with, filter.get(), allow ? SCMP_ACT_ALLOW : no, name.c_str());
  if (!added)
    return added.error();
  return export_program(with, filter.get());
}

} // namespace

const std::vector<std::string_view>& dangerous_calls() {
  static const std::vector<std::string_view> names = {
    // the kernel itself
    "bpf", "create_module", "delete_module", "finit_module", "init_module", "kexec_file_load", "kexec_load",
    "perf_event_open", "reboot", "swapoff", "swapon", "syslog",
    // its clock and its devices
    "adjtimex", "clock_adjtime", "clock_settime", "ioperm", "iopl", "settimeofday", "stime",
    // what is mounted, and new surroundings
    "fsconfig", "fsmount", "fsopen", "fspick", "mount", "mount_setattr", "move_mount", "open_tree", "pivot_root",
    "setns", "umount", "umount2", "unshare",
    // other processes
    "kcmp", "pidfd_getfd", "process_vm_readv", "process_vm_writev", "ptrace",
    // keys of others, files past their folders
    "add_key", "keyctl", "open_by_handle_at", "request_key",
    // large doors with few users
    "io_uring_enter", "io_uring_register", "io_uring_setup", "userfaultfd",
    // accounting and quotas
    "acct", "quotactl", "quotactl_fd",
    // relics
    "lookup_dcookie", "modify_ldt", "nfsservctl", "personality", "uselib", "vhangup", "vm86", "vm86old"};
  return names;
}

caf::expected<std::shared_ptr<const std::string>> seccomp_program(const sandbox_spec& box) {
  static std::mutex guard;
  static std::map<std::string, std::shared_ptr<const std::string>> programs;
  std::string key = fmt::format("{} {}", static_cast<int>(box.seccomp), static_cast<int>(box.action));
  for (const auto& call : box.calls)
    key += ' ' + call;
  std::lock_guard lock{guard};
  if (auto known = programs.find(key); known != programs.end())
    return known->second;
  auto made = compile(box);
  if (!made)
    return made;
  if (programs.size() == kept_programs)
    programs.clear(); // those in use live on in their requests
  programs.emplace(std::move(key), *made);
  return made;
}

} // namespace duende
