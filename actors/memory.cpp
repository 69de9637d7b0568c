#include "actors/memory.hpp"

#include "core/errc.hpp"
#include "core/units.hpp"
#include "monitors/usage/process_rights.hpp"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace duende {
namespace {

/// mlockall fails with EPERM where nothing may be locked, with ENOMEM where less than there is.
std::string explain(int error) {
  rlimit limit{};
  getrlimit(RLIMIT_MEMLOCK, &limit);
  auto most = limit.rlim_cur == RLIM_INFINITY ? std::string{"not limited"} : human_bytes(limit.rlim_cur);
  if (error != EPERM && error != ENOMEM && error != EAGAIN)
    return std::strerror(error);
  return fmt::format(
    "{}: RLIMIT_MEMLOCK is {} and the process lacks CAP_IPC_LOCK; one of these helps: give it that capability "
    "(setcap cap_ipc_lock+ep PROGRAM, AmbientCapabilities=CAP_IPC_LOCK of its unit), raise the limit "
    "(LimitMEMLOCK=infinity of its unit, 'memlock' in limits.conf), or run it privileged",
    std::strerror(error), most);
}

} // namespace

caf::expected<bool> lock_memory(memory_lock how) {
  // On fault, Linux 4.4: else all of every thread's stack becomes memory that is in use.
  if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0)
    return true;
  if (errno == EINVAL && mlockall(MCL_CURRENT | MCL_FUTURE) == 0)
    return true;
  if (how == memory_lock::best_effort)
    return false;
  return fail(errc::io_failure, "cannot lock its memory: {}", explain(errno));
}

void unlock_memory() { munlockall(); }

std::uint64_t locked_memory() {
  auto rights = read_rights(getpid());
  return rights ? rights->locked_bytes : 0;
}

} // namespace duende
