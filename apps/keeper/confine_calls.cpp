// The filter of system calls, and how the keeper learns which one it refused: the kernel that kills for a call tells nobody which
// it was. So such a filter asks the keeper instead (seccomp_unotify(2)), which kills and remembers.
//
// The listener of the filter must get to the keeper, but ahead of its exec the child can't send it any more: the call to send may
// be one that is refused. A second process does, that shares the child's memory and descriptors and has no filter: it waits for
// the exec, of which the kernel tells by clearing a word, and then sends what that word's neighbour names.
#include "apps/keeper/confine.hpp"
#include "apps/keeper/raw_call.hpp"
#include "policies/confinement_part.hpp"

#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>

#include <csignal>
#include <cstring>

namespace duende::keeper {
namespace {

using protocol::step;

struct beside {
  std::int32_t waiting = 1;   ///< cleared when the child has executed, or ended
  std::int32_t listener = -1; ///< written ahead of that
  int socket = -1;
  child_notice notice;
};

// Of the child, which has memory of its own: see may_share.
beside shared;
alignas(64) char stack[8192];

int send_listener(void* argument) {
  auto& what = *static_cast<beside*>(argument);
  while (__atomic_load_n(&what.waiting, __ATOMIC_ACQUIRE) != 0)
    raw_call(SYS_futex, raw(&what.waiting), FUTEX_WAIT, 1, 0);
  if (what.listener >= 0)
    send_notice(what.socket, what.notice, what.listener);
  for (;;)
    raw_call(SYS_exit, 0);
}

/// Turns every "kill" of the program into "ask", or back. On true there was one.
bool replace(protocol::blob program, std::uint32_t from, std::uint32_t to) {
  bool any = false;
  auto* at = const_cast<char*>(program.data()); // the packet is ours
  for (std::size_t i = 0; i + sizeof(sock_filter) <= program.size(); i += sizeof(sock_filter)) {
    sock_filter one;
    memcpy(&one, at + i, sizeof one);
    if (one.code != (BPF_RET | BPF_K) || one.k != from)
      continue;
    one.k = to;
    memcpy(at + i, &one, sizeof one);
    any = true;
  }
  return any;
}

long load(const protocol::blob& program, long flags) {
  sock_fprog what{
    static_cast<unsigned short>(program.size() / sizeof(sock_filter)),
    reinterpret_cast<sock_filter*>(const_cast<char*>(program.data()))};
  return raw_call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, raw(&what));
}

/// False where it can't be had: then the filter kills by itself.
bool load_asking(const child_plan& plan) {
  const auto& program = plan.request->sandbox.filter;
  if (plan.notices < 0 || !replace(program, SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_USER_NOTIF))
    return false;
  shared.socket = plan.notices;
  shared.notice = {plan.index, static_cast<std::int32_t>(raw_call(SYS_getpid)), child_notice::kind::listener};
  raw_call(SYS_set_tid_address, raw(&shared.waiting));
  // Not our child but the keeper's, who reaps strangers: the daemon must not find one that it has not made.
  if (clone(send_listener, stack + sizeof stack, CLONE_VM | CLONE_FILES | CLONE_PARENT, &shared) > 0) {
    if (long fd = load(program, SECCOMP_FILTER_FLAG_NEW_LISTENER); fd >= 0) {
      __atomic_store_n(&shared.listener, static_cast<std::int32_t>(fd), __ATOMIC_RELEASE);
      return true;
    }
  }
  replace(program, SECCOMP_RET_USER_NOTIF, SECCOMP_RET_KILL_PROCESS);
  return false;
}

} // namespace

void filter_calls(const child_plan& plan) {
  const auto& box = plan.request->sandbox;
  if ((box.parts & confine_calls) == 0 || (box.names_calls && load_asking(plan)))
    return;
  long result = load(box.filter, 0);
  bool lacking = result == -ENOSYS || result == -EINVAL;
  if (result != 0 && !(lacking && (box.optional & confine_calls) != 0))
    report(plan, step::calls, result);
}

} // namespace duende::keeper
