// The functions of the child's side make raw calls only and allocate nothing: see flight.
#include "apps/keeper/child.hpp"

#include "apps/keeper/confine.hpp"
#include "apps/keeper/raw_call.hpp"
#include "backends/native/identity.hpp"
#include "policies/confinement_part.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

#include <csignal>
#include <cstdio>
#include <cstring>

namespace duende::keeper {
namespace {

using protocol::step;

// Sanitizers know of one stack a thread.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
constexpr bool sanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool sanitized = false;
#endif

[[noreturn]] void leave() {
  for (;;)
    raw_call(SYS_exit_group, 127);
}

} // namespace

[[noreturn]] void report(const child_plan& plan, step failed, long result, std::string_view subject) {
  child_report what;
  what.step = failed;
  what.error = static_cast<std::int32_t>(-result);
  auto size = subject.size() < sizeof what.subject ? subject.size() : sizeof what.subject - 1;
  if (size != 0) // of none there is no address to copy from
    memcpy(what.subject, subject.data(), size);
  memset(what.subject + size, 0, sizeof what.subject - size);
  raw_call(SYS_write, plan.status, raw(&what), sizeof what); // an empty pipe takes it whole
  leave();
}

std::string_view digits(std::uint32_t value, char (&buffer)[12]) {
  char* at = buffer + sizeof buffer;
  do
    *--at = static_cast<char>('0' + value % 10);
  while ((value /= 10) != 0);
  return {at, static_cast<std::size_t>(buffer + sizeof buffer - at)};
}

namespace {

void take_own_descriptors(const child_plan& plan) {
  if (plan.apart == nullptr)
    return;
  long result = raw_call(SYS_close_range, plan.staged_end, ~0u, CLOSE_RANGE_UNSHARE);
  if (result != 0) // Linux before 5.9
    result = raw_call(SYS_unshare, CLONE_FILES);
  if (result != 0)
    report(plan, step::stdio, result);
  __atomic_store_n(plan.apart, 1, __ATOMIC_RELEASE);
  raw_call(SYS_futex, raw(plan.apart), FUTEX_WAKE_PRIVATE, 1);
}

void close_between(int first, int end) {
  if (first < end && raw_call(SYS_close_range, first, end - 1, 0) != 0) // Linux before 5.9
    for (int fd = first; fd < end; ++fd)
      raw_call(SYS_close, fd);
}

/// What was staged for others: held here until our exec, it would keep their status pipes open.
void close_staged_of_others(const child_plan& plan) {
  bool own = plan.apart != nullptr;
  int first = own ? plan.first_staged : plan.staged_end;
  close_between(plan.staged_begin, first);
  close_between(first + flight::staged_count, plan.staged_end);
}

void write_ledger(const child_plan& plan) {
  auto& entry = (*plan.book)[plan.index];
  entry.id = plan.request->id;
  // The clone lies in between. Mostly both are one tick, else the ledger says so.
  entry.start_time = plan.before / plan.tick;
  entry.span = static_cast<std::uint32_t>(boottime() / plan.tick - entry.start_time);
  __atomic_store_n(&entry.pid, static_cast<std::int32_t>(raw_call(SYS_getpid)), __ATOMIC_RELEASE);
  raw_call(SYS_close, plan.book->fd()); // the lock is the keeper's alone again
}

void enter_cgroup(const child_plan& plan, std::string_view folder) {
  constexpr std::string_view file = "/cgroup.procs";
  char path[4096];
  if (folder.size() + file.size() >= sizeof path)
    report(plan, step::cgroup, -ENAMETOOLONG, folder);
  memcpy(path, folder.data(), folder.size());
  memcpy(path + folder.size(), file.data(), file.size());
  path[folder.size() + file.size()] = '\0';
  long fd = raw_call(SYS_openat, AT_FDCWD, raw(path), O_WRONLY | O_CLOEXEC);
  if (fd < 0)
    report(plan, step::cgroup, fd, folder);
  if (long result = raw_call(SYS_write, fd, raw("0"), 1); result != 1)
    report(plan, step::cgroup, result, folder);
  raw_call(SYS_close, fd);
}

void enter_cgroups(const child_plan& plan) {
  std::string_view folders = plan.request->cgroup;
  while (!folders.empty()) {
    auto end = folders.find('\n');
    enter_cgroup(plan, folders.substr(0, end));
    folders.remove_prefix(end == folders.npos ? folders.size() : end + 1);
  }
}

void set_limits(const child_plan& plan) {
  bool open_files = plan.open_files == nullptr;
  for (auto& wanted : plan.request->limits) {
    rlimit value{wanted.soft, wanted.hard};
    open_files |= wanted.resource == RLIMIT_NOFILE;
    char buffer[12];
    if (long result = raw_call(SYS_prlimit64, 0, wanted.resource, raw(&value)); result != 0)
      report(plan, step::limits, result, digits(static_cast<std::uint32_t>(wanted.resource), buffer));
  }
  if (open_files)
    return;
  if (long result = raw_call(SYS_prlimit64, 0, RLIMIT_NOFILE, raw(plan.open_files)); result != 0)
    report(plan, step::limits, result);
}

/// dup3 refuses equal numbers; the keeper's descriptors are from 3 on, `to` is not.
void set_stdio(const child_plan& plan) {
  int out = plan.out >= 0 ? plan.out : plan.null_fd;
  int err = plan.err >= 0 ? plan.err : plan.request->err == protocol::stdio::join_stdout ? out : plan.null_fd;
  int from[] = {plan.null_fd, out, err};
  for (int to = 0; to < 3; ++to)
    if (long result = raw_call(SYS_dup3, from[to], to, 0); result < 0)
      report(plan, step::stdio, result);
}

/// From 3 on, as sd_listen_fds(3) has it. What sits there now moves up first.
void set_sockets(child_plan& plan) {
  int count = plan.socket_count;
  if (count == 0)
    return;
  int free = 3 + count;
  for (int* fd : {&plan.status, &plan.ready})
    if (*fd >= 0 && *fd < free)
      if (*fd = static_cast<int>(raw_call(SYS_fcntl, *fd, F_DUPFD_CLOEXEC, free)); *fd < 0)
        leave();
  int moved[protocol::max_sockets + protocol::max_stored];
  for (int i = 0; i < count; ++i)
    if (moved[i] = static_cast<int>(raw_call(SYS_fcntl, plan.sockets[i], F_DUPFD_CLOEXEC, free)); moved[i] < 0)
      report(plan, step::socket, moved[i]);
  for (int i = 0; i < count; ++i)
    if (long result = raw_call(SYS_dup3, moved[i], 3 + i, 0); result < 0)
      report(plan, step::socket, result);
  char buffer[12];
  auto pid = digits(static_cast<std::uint32_t>(raw_call(SYS_getpid)), buffer);
  memcpy(plan.listen_pid, pid.data(), pid.size());
  plan.listen_pid[pid.size()] = '\0';
}

/// Puts the readiness pipe on the wanted number; `status` gives way where it sits there.
void set_ready_fd(child_plan& plan) {
  int wanted = plan.request->ready_fd;
  if (plan.ready < 0)
    return;
  if (plan.status == wanted) {
    plan.status = static_cast<int>(raw_call(SYS_fcntl, plan.status, F_DUPFD_CLOEXEC, wanted + 1));
    if (plan.status < 0)
      leave();
  }
  long result =
    plan.ready == wanted ? raw_call(SYS_fcntl, wanted, F_SETFD, 0) : raw_call(SYS_dup3, plan.ready, wanted, 0);
  if (result < 0)
    report(plan, step::ready_fd, result);
}

void set_user(const child_plan& plan) {
  auto& request = *plan.request;
  if (!request.change_user)
    return;
  long uid = request.uid, gid = request.gid;
  char buffer[12];
  for (int fd : {1, 2}) // the pipe as /dev/stdout stays open to the daemon
    if ((fd == 1 ? plan.out : plan.err) >= 0)
      if (long result = raw_call(SYS_fchown, fd, uid, -1); result != 0)
        report(plan, step::stdio, result);
  auto count = static_cast<long>(request.groups.size());
  if (long result = raw_call(SYS_setgroups, count, raw(request.groups.data())); result != 0)
    report(plan, step::groups, result);
  if (long result = raw_call(SYS_setresgid, gid, gid, gid); result != 0)
    report(plan, step::group, result, digits(request.gid, buffer));
  if (long result = raw_call(SYS_setresuid, uid, uid, uid); result != 0)
    report(plan, step::user, result, digits(request.uid, buffer));
}

int run_flight(void* argument) { become_child(static_cast<flight*>(argument)->plan); }

} // namespace

bool flight::prepare() {
  if (sanitized)
    return false;
  if (!raw_calls || stack != nullptr)
    return raw_calls;
  auto* memory = mmap(nullptr, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  stack = memory == MAP_FAILED ? nullptr : static_cast<char*>(memory);
  return stack != nullptr;
}

bool flight::await_apart(std::uint64_t nanoseconds) {
  timespec most{0, static_cast<long>(nanoseconds)};
  if (__atomic_load_n(&apart, __ATOMIC_ACQUIRE) == 0 && nanoseconds != 0)
    syscall(SYS_futex, &apart, FUTEX_WAIT_PRIVATE, 0, &most);
  return __atomic_load_n(&apart, __ATOMIC_ACQUIRE) != 0;
}

bool may_share(const protocol::spawn& request) {
  return request.cgroup.empty() && !request.change_user && request.sockets.empty() && request.sandbox.parts == 0;
}

pid_t fork_with_pidfd(int& pidfd) {
  clone_args args{};
  args.flags = CLONE_PIDFD;
  args.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  auto pid = syscall(SYS_clone3, &args, sizeof args);
  if (pid < 0 && errno == ENOSYS) // some containers' seccomp filters know clone only
    pid = syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, nullptr, &pidfd, nullptr, nullptr);
  return static_cast<pid_t>(pid);
}

pid_t launch_sharing(flight& start, int& pidfd) {
  int flags = CLONE_VM | CLONE_PIDFD | SIGCHLD | (start.plan.apart != nullptr ? CLONE_FILES : 0);
  return clone(run_flight, start.stack + flight::stack_size, flags, &start, &pidfd);
}

void unblock_signals() {
  std::uint64_t none = 0;
  raw_call(SYS_rt_sigprocmask, SIG_SETMASK, raw(&none), 0, sizeof none);
}

void become_child(const child_plan& given) {
  child_plan plan = given;
  auto& request = *plan.request;
  take_own_descriptors(plan);
  close_staged_of_others(plan);
  write_ledger(plan);
  if (long result = raw_call(SYS_setsid); result < 0)
    report(plan, step::session, result);
  enter_cgroups(plan);
  confinement_state confined;
  enter_network(plan);
  set_stdio(plan);
  set_sockets(plan);
  set_ready_fd(plan);
  open_paths(plan, confined);
  set_limits(plan); // after what moves descriptors: the keeper's own numbers may lie far above the daemon's limit
  begin_capabilities(plan, confined);
  set_user(plan);
  finish_capabilities(plan, confined);
  // What a program gains by its exec would leave the sandbox; and without privileges no filter is loaded otherwise.
  if (request.no_new_privileges || confined.no_privileges || (request.sandbox.parts & confine_calls) != 0)
    if (long result = raw_call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1); result != 0)
      report(plan, step::privileges, result);
  if (!request.working_dir.empty())
    if (long result = raw_call(SYS_chdir, raw(request.working_dir.data())); result != 0)
      report(plan, step::working_dir, result, request.working_dir);
  unblock_signals();
  restrict_files(plan, confined);
  filter_calls(plan);
  // Every other descriptor of the keeper is close-on-exec.
  long result = raw_call(SYS_execve, raw(request.path.data()), raw(plan.argv), raw(plan.env));
  report(plan, step::exec, result, request.path);
}

void as_pointers(const std::vector<protocol::text>& strings, std::vector<char*>& pointers) {
  pointers.clear();
  pointers.reserve(strings.size() + 1);
  for (auto string : strings)
    pointers.push_back(const_cast<char*>(string.data()));
  pointers.push_back(nullptr);
}

} // namespace duende::keeper
