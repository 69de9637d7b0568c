#include "apps/keeper/confine.hpp"

#include "apps/keeper/raw_call.hpp"
#include "policies/confinement_part.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cstring>

namespace duende::keeper {
namespace {

using protocol::step;

// landlock(7), from Linux 5.13 on: <linux/landlock.h> of the machine that compiles may lack it.
constexpr long create_ruleset = 444, add_rule = 445, restrict_self = 446;
constexpr long version_flag = 1, path_beneath = 1;
constexpr std::uint64_t first_rights = (1u << 13) - 1, refer_right = 1u << 13, truncate_right = 1u << 14;
constexpr std::uint64_t file_rights = 1u << 0 | 1u << 1 | 1u << 2 | truncate_right;
struct __attribute__((packed)) path_rule {
  std::uint64_t rights;
  std::int32_t folder;
};

constexpr int ipc_lock = CAP_IPC_LOCK;
constexpr unsigned most_capabilities = 64;

bool has(const child_plan& plan, std::uint32_t part) { return (plan.request->sandbox.parts & part) != 0; }

/// Whether the kernel's refusal only means that it lacks that part, and the daemon can do without.
bool forgiven(const child_plan& plan, std::uint32_t part, long result) {
  bool lacking = result == -ENOSYS || result == -EOPNOTSUPP || result == -EINVAL
                 || (part == confine_network && (result == -EPERM || result == -ENOSPC || result == -EUSERS));
  return lacking && (plan.request->sandbox.optional & part) != 0;
}

long write_text(const char* path, std::string_view text) {
  long fd = raw_call(SYS_openat, AT_FDCWD, raw(path), O_WRONLY | O_CLOEXEC);
  if (fd < 0)
    return fd;
  long result = raw_call(SYS_write, fd, raw(text.data()), static_cast<long>(text.size()));
  raw_call(SYS_close, fd);
  return result < 0 ? result : 0;
}

/// "ID ID 1": the same number inside and outside.
long map_to_itself(const char* path, long id) {
  char number[12], text[32];
  auto word = digits(static_cast<std::uint32_t>(id), number);
  std::size_t size = 0;
  for (int i = 0; i < 2; ++i) {
    memcpy(text + size, word.data(), word.size());
    size += word.size();
    text[size++] = ' ';
  }
  text[size++] = '1';
  return write_text(path, {text, size});
}

/// Without CAP_SYS_ADMIN: in a user namespace of its own, where it stays who it is.
long unshare_as_user() {
  long uid = raw_call(SYS_geteuid), gid = raw_call(SYS_getegid);
  long result = raw_call(SYS_unshare, CLONE_NEWUSER | CLONE_NEWNET);
  if (result == 0)
    result = write_text("/proc/self/setgroups", "deny");
  if (result == 0)
    result = map_to_itself("/proc/self/uid_map", uid);
  if (result == 0)
    result = map_to_itself("/proc/self/gid_map", gid);
  return result;
}

long raise_loopback() {
  long fd = raw_call(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return fd;
  ifreq request;
  memset(&request, 0, sizeof request);
  memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  long result = raw_call(SYS_ioctl, fd, SIOCSIFFLAGS, raw(&request));
  raw_call(SYS_close, fd);
  return result;
}

struct capability_sets {
  std::uint64_t effective = 0, permitted = 0, inheritable = 0;
};

long get_capabilities(capability_sets& sets) {
  __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  long result = raw_call(SYS_capget, raw(&head), raw(data));
  sets.effective = std::uint64_t{data[1].effective} << 32 | data[0].effective;
  sets.permitted = std::uint64_t{data[1].permitted} << 32 | data[0].permitted;
  sets.inheritable = std::uint64_t{data[1].inheritable} << 32 | data[0].inheritable;
  return result;
}

long set_capabilities(std::uint64_t all) {
  __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
  auto low = static_cast<std::uint32_t>(all), high = static_cast<std::uint32_t>(all >> 32);
  __user_cap_data_struct data[2] = {{low, low, low}, {high, high, high}};
  return raw_call(SYS_capset, raw(&head), raw(data));
}

constexpr std::uint64_t bit(unsigned number) { return std::uint64_t{1} << number; }

} // namespace

long send_notice(int socket, const child_notice& notice, int fd) {
  iovec part{const_cast<child_notice*>(&notice), sizeof notice};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  memset(control, 0, sizeof control);
  msghdr message;
  memset(&message, 0, sizeof message);
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  auto* head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(head), &fd, sizeof(int));
  return raw_call(SYS_sendmsg, socket, raw(&message), MSG_NOSIGNAL);
}

void enter_network(const child_plan& plan) {
  if (!has(plan, confine_network))
    return;
  if (plan.network >= 0 && raw_call(SYS_setns, plan.network, CLONE_NEWNET) == 0)
    return;
  long result = raw_call(SYS_unshare, CLONE_NEWNET);
  bool own_user = result == -EPERM;
  if (own_user)
    result = unshare_as_user();
  if (result == 0)
    result = raise_loopback();
  if (result == 0 && !own_user && plan.notices >= 0) { // where that fails the next life makes its own
    long fd = raw_call(SYS_openat, AT_FDCWD, raw("/proc/self/ns/net"), O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
      send_notice(
        plan.notices, {plan.index, static_cast<std::int32_t>(raw_call(SYS_getpid)), child_notice::kind::network},
        static_cast<int>(fd));
    raw_call(SYS_close, fd);
  }
  if (result != 0 && !forgiven(plan, confine_network, result))
    report(plan, step::network, result);
}

void open_paths(const child_plan& plan, confinement_state& state) {
  if (!has(plan, confine_files))
    return;
  const auto& box = plan.request->sandbox;
  long version = raw_call(create_ruleset, 0, 0, version_flag);
  if (version < 0 && forgiven(plan, confine_files, version))
    return;
  if (version < 0)
    report(plan, step::files, version);
  auto known = first_rights | (version >= 2 ? refer_right : 0) | (version >= 3 ? truncate_right : 0);
  std::uint64_t restricted = box.restricted & known;
  long ruleset = raw_call(create_ruleset, raw(&restricted), sizeof restricted, 0);
  if (ruleset < 0)
    report(plan, step::files, ruleset);
  for (const auto& [path, rights] : box.paths) {
    long fd = raw_call(SYS_openat, AT_FDCWD, raw(path.data()), O_PATH | O_CLOEXEC);
    if (fd < 0)
      report(plan, step::files, fd, path);
    path_rule rule{rights & restricted, static_cast<std::int32_t>(fd)};
    long result = raw_call(add_rule, ruleset, path_beneath, raw(&rule));
    if (result == -EINVAL) { // no folder: rights that only those have are refused
      rule.rights &= file_rights;
      result = rule.rights != 0 ? raw_call(add_rule, ruleset, path_beneath, raw(&rule)) : 0;
    }
    if (result != 0)
      report(plan, step::files, result, path);
    raw_call(SYS_close, fd);
  }
  state.ruleset = static_cast<int>(ruleset);
  state.no_privileges = true;
}

void begin_capabilities(const child_plan& plan, confinement_state& state) {
  const auto& box = plan.request->sandbox;
  if (has(plan, confine_lock_memory)) {
    rlimit now{}, most{RLIM_INFINITY, RLIM_INFINITY};
    state.memory_free = raw_call(SYS_prlimit64, 0, RLIMIT_MEMLOCK, raw(&most), 0) == 0;
    if (!state.memory_free && raw_call(SYS_prlimit64, 0, RLIMIT_MEMLOCK, 0, raw(&now)) == 0) {
      now.rlim_cur = now.rlim_max;
      raw_call(SYS_prlimit64, 0, RLIMIT_MEMLOCK, raw(&now), 0);
      state.memory_free = now.rlim_max == RLIM_INFINITY;
    }
  }
  if (!has(plan, confine_capabilities | confine_lock_memory))
    return;
  for (unsigned each = 0; has(plan, confine_capabilities) && each < most_capabilities; ++each) {
    if ((box.capabilities & bit(each)) != 0)
      continue;
    long result = raw_call(SYS_prctl, PR_CAPBSET_DROP, each);
    if (result == -EINVAL)
      break;                // the kernel has no more of them
    if (result == -EPERM) { // without CAP_SETPCAP it has nothing to lose: it only must not gain
      state.no_privileges = true;
      break;
    }
  }
  raw_call(SYS_prctl, PR_SET_KEEPCAPS, 1);
}

void finish_capabilities(const child_plan& plan, confinement_state& state) {
  if (!has(plan, confine_capabilities | confine_lock_memory))
    return;
  capability_sets now;
  if (long result = get_capabilities(now); result != 0)
    report(plan, step::capabilities, result);
  bool root = raw_call(SYS_geteuid) == 0;
  auto kept = plan.request->sandbox.capabilities;
  if (!has(plan, confine_capabilities))
    kept = plan.request->change_user && !root ? 0 : now.permitted;
  if (has(plan, confine_lock_memory)) {
    bool may = (now.permitted & bit(ipc_lock)) != 0;
    kept = may ? kept | bit(ipc_lock) : kept & ~bit(ipc_lock);
    if (!may && !state.memory_free && (plan.request->sandbox.optional & confine_lock_memory) == 0)
      report(plan, step::lock_memory, -EPERM);
  }
  if (root && !has(plan, confine_capabilities))
    return; // it has them all anyway
  char buffer[12];
  for (unsigned each = 0; each < most_capabilities; ++each)
    if ((kept & ~now.permitted & bit(each)) != 0)
      report(plan, step::capabilities, -EPERM, digits(each, buffer));
  if (long result = set_capabilities(kept); result != 0)
    report(plan, step::capabilities, result);
  auto ambient = has(plan, confine_capabilities) ? kept : kept & bit(ipc_lock);
  for (unsigned each = 0; !root && each < most_capabilities; ++each)
    if ((ambient & bit(each)) != 0)
      if (long result = raw_call(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, each); result != 0)
        report(plan, step::capabilities, result, digits(each, buffer));
}

void restrict_files(const child_plan& plan, const confinement_state& state) {
  if (state.ruleset < 0)
    return;
  if (long result = raw_call(restrict_self, state.ruleset, 0); result != 0)
    report(plan, step::files, result);
}

} // namespace duende::keeper
