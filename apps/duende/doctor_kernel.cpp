// Kernel, cgroups and sandboxes: each is tried, not guessed from a version.
#include "apps/duende/doctor_checks.hpp"

#include "core/config/file.hpp"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace duende::cli {
namespace {

constexpr unsigned landlock_version = 1u << 0; // LANDLOCK_CREATE_RULESET_VERSION
#ifndef SYS_landlock_create_ruleset
constexpr long landlock_call = 444;
#else
constexpr long landlock_call = SYS_landlock_create_ruleset;
#endif
#ifndef SYS_close_range
constexpr long close_range_call = 436;
#else
constexpr long close_range_call = SYS_close_range;
#endif

std::string words_of(int error) { return std::strerror(error); }

/// The result of `what` in a child process, whose changes end with it: 0, or an errno.
template <class F>
int in_child(F what) {
  auto pid = fork();
  if (pid < 0)
    return errno;
  if (pid == 0)
    _exit(what() ? 0 : errno & 0xff);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
    ;
  return WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
}

void call(std::vector<finding>& to, const char* name, bool works, const char* needed, const char* since) {
  int error = errno;
  if (works)
    to.push_back({"kernel", name, verdict::fine, needed, {}});
  else
    to.push_back(
      {"kernel", name, verdict::bad, fmt::format("{}: {}", needed, words_of(error)),
       error == ENOSYS ? fmt::format("use Linux {} or newer", since)
                       : "allow the call: a container's seccomp profile may refuse it"});
}

bool writable(const std::string& path) { return access(path.c_str(), W_OK) == 0; }

/// The path after `prefix` in /proc/self/cgroup: "0::" for version 2.
std::string own_cgroup(std::string_view prefix) {
  auto text = config::read_file("/proc/self/cgroup");
  if (!text)
    return {};
  std::string_view rest{*text};
  while (!rest.empty()) {
    auto end = std::min(rest.find('\n'), rest.size());
    auto line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.starts_with(prefix))
      return std::string{line.substr(prefix.size())};
  }
  return {};
}

} // namespace

bool path_exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

void examine_kernel(std::vector<finding>& to) {
  utsname name{};
  uname(&name);
  to.push_back(
    {"kernel", "version", verdict::fine, fmt::format("{} {} on {}", name.sysname, name.release, name.machine), {}});
  auto fd = static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0));
  call(to, "pidfd", fd >= 0, "exits are told by pidfd_open", "5.3");
  if (fd >= 0)
    close(fd);
  errno = 0;
  // Both ends beyond any descriptor: nothing is closed.
  call(to, "close_range", syscall(close_range_call, ~0u, ~0u, 0) == 0, "descriptors are closed by close_range", "5.9");
  fd = memfd_create("duende-doctor", MFD_CLOEXEC);
  call(to, "memfd", fd >= 0, "files in memory by memfd_create", "3.17");
  if (fd >= 0)
    close(fd);
  bool pressure = access("/proc/pressure/memory", R_OK) == 0;
  to.push_back(
    {"kernel", "pressure", pressure ? verdict::fine : verdict::limited,
     pressure ? "pressure stall information in /proc/pressure" : "no /proc/pressure: pressure can't be watched",
     pressure ? "" : "boot with psi=1, or use a kernel with CONFIG_PSI"});
}

void examine_cgroups(std::vector<finding>& to) {
  struct statfs info {};
  bool there = statfs("/sys/fs/cgroup", &info) == 0;
  if (there && static_cast<unsigned long>(info.f_type) == CGROUP2_SUPER_MAGIC) {
    auto folder = "/sys/fs/cgroup" + own_cgroup("0::");
    auto controllers = config::read_file(folder + "/cgroup.controllers");
    auto list = controllers ? *controllers : std::string{};
    while (!list.empty() && list.back() == '\n')
      list.pop_back();
    to.push_back({"cgroups", "version", verdict::fine, fmt::format("version 2, this process is in {}", folder), {}});
    for (std::string_view one : {"memory", "cpu", "pids", "io"}) {
      bool has = fmt::format(" {} ", list).find(fmt::format(" {} ", one)) != std::string::npos;
      to.push_back(
        {"cgroups", std::string{one}, has ? verdict::fine : verdict::limited,
         has ? fmt::format("controller '{}' is there", one)
             : fmt::format("controller '{}' is not delegated to {}: limits of it can't be set", one, folder),
         has ? ""
             : "in the unit that starts duende: Delegate=yes; as a user: systemd-run --user --scope -p Delegate=yes"});
    }
    bool mine = writable(folder) && writable(folder + "/cgroup.procs");
    to.push_back(
      {"cgroups", "delegation", mine ? verdict::fine : verdict::limited,
       mine ? "new groups can be made here" : fmt::format("{} is not writable: no group for each daemon", folder),
       mine ? "" : "run as root, or in a unit with Delegate=yes"});
    return;
  }
  std::string found;
  for (const char* one : {"memory", "cpu", "pids", "blkio", "freezer"})
    if (path_exists(fmt::format("/sys/fs/cgroup/{}/cgroup.procs", one)))
      found += (found.empty() ? "" : ", ") + std::string{one};
  if (found.empty()) {
    to.push_back(
      {"cgroups", "version", verdict::limited,
       there ? "/sys/fs/cgroup holds no cgroups" : "no /sys/fs/cgroup: resources can't be limited",
       "mount -t cgroup2 none /sys/fs/cgroup"});
    return;
  }
  bool hybrid = path_exists("/sys/fs/cgroup/unified/cgroup.procs");
  to.push_back(
    {"cgroups", "version", verdict::limited,
     fmt::format("version 1{}: {}", hybrid ? ", version 2 beside it without controllers" : "", found),
     "boot with systemd.unified_cgroup_hierarchy=1 for version 2"});
  bool mine = writable("/sys/fs/cgroup/memory");
  to.push_back(
    {"cgroups", "delegation", mine ? verdict::fine : verdict::limited,
     mine ? "new groups can be made in version 1" : "/sys/fs/cgroup/memory is not writable: no group for each daemon",
     mine ? "" : "run as root"});
}

void examine_sandboxes(std::vector<finding>& to) {
  auto error = in_child([] { return unshare(CLONE_NEWUSER) == 0; });
  to.push_back(
    {"sandboxes", "user namespaces", error == 0 ? verdict::fine : verdict::limited,
     error == 0 ? "can be made" : fmt::format("unshare: {}", words_of(error)),
     error == 0 ? ""
                : "sysctl user.max_user_namespaces=10000, and kernel.unprivileged_userns_clone=1 where it exists"});
  auto abi = syscall(landlock_call, nullptr, 0, landlock_version);
  error = errno;
  to.push_back(
    {"sandboxes", "landlock", abi > 0 ? verdict::fine : verdict::limited,
     abi > 0 ? fmt::format("ABI {}", abi)
             : fmt::format("read_paths and write_paths can't be kept: {}", words_of(error)),
     abi > 0 ? "" : "Linux 5.13 or newer with landlock in the lsm= list of the kernel's command line"});
  unsigned action = SECCOMP_RET_ERRNO;
  bool filters = syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
  error = errno;
  to.push_back(
    {"sandboxes", "seccomp", filters ? verdict::fine : verdict::limited,
     filters ? "calls can be filtered" : fmt::format("calls can't be filtered: {}", words_of(error)),
     filters ? "" : "a kernel with CONFIG_SECCOMP_FILTER"});
  bpf_attr map{};
  map.map_type = BPF_MAP_TYPE_ARRAY;
  map.key_size = map.value_size = 4;
  map.max_entries = 1;
  auto fd = static_cast<int>(syscall(SYS_bpf, BPF_MAP_CREATE, &map, sizeof map));
  error = errno;
  if (fd >= 0)
    close(fd);
  to.push_back(
    {"tracing", "bpf", fd >= 0 ? verdict::fine : verdict::limited,
     fd >= 0 ? "programs can be loaded" : fmt::format("no BPF: {}", words_of(error)),
     fd >= 0 ? "" : "run as root, or with CAP_BPF and CAP_PERFMON"});
  bool types = path_exists("/sys/kernel/btf/vmlinux");
  to.push_back(
    {"tracing", "btf", types ? verdict::fine : verdict::limited,
     types ? "the kernel describes its types" : "no /sys/kernel/btf/vmlinux",
     types ? "" : "a kernel with CONFIG_DEBUG_INFO_BTF"});
  bool points = path_exists("/sys/kernel/tracing/events/raw_syscalls")
                || path_exists("/sys/kernel/debug/tracing/events/raw_syscalls");
  to.push_back(
    {"tracing", "tracepoints", points ? verdict::fine : verdict::limited,
     points ? "raw_syscalls can be watched" : "no raw_syscalls in /sys/kernel/tracing",
     points ? "" : "as root: mount -t tracefs none /sys/kernel/tracing"});
}

} // namespace duende::cli
