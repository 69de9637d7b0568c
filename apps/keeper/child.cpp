#include "apps/keeper/child.hpp"

#include "backends/native/identity.hpp"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

namespace duende::keeper {
namespace {

using protocol::step;

[[noreturn]] void report(const child_plan& plan, step failed, std::string_view subject = {}) {
  child_report what{};
  what.step = failed;
  what.error = errno;
  subject.copy(what.subject, sizeof what.subject - 1);
  [[maybe_unused]] auto written = write(plan.status, &what, sizeof what); // an empty pipe takes it whole
  _exit(127);
}

void write_ledger(const child_plan& plan) {
  auto& entry = (*plan.book)[plan.index];
  auto start = start_time_between(plan.before, boottime());
  auto pid = static_cast<pid_t>(syscall(SYS_getpid));
  if (start == 0) {
    process_facts self;
    read_process(pid, self);
    start = self.start_time;
  }
  entry.id = plan.request->id;
  entry.start_time = start;
  __atomic_store_n(&entry.pid, pid, __ATOMIC_RELEASE);
  close(plan.book->fd()); // the lock is the keeper's alone again
}

void enter_cgroup(const child_plan& plan) {
  auto folder = plan.request->cgroup;
  if (folder.empty())
    return;
  char path[4096];
  if (snprintf(path, sizeof path, "%s/cgroup.procs", folder.data()) >= static_cast<int>(sizeof path)) {
    errno = ENAMETOOLONG;
    report(plan, step::cgroup, folder);
  }
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, "0", 1) != 1)
    report(plan, step::cgroup, folder);
  close(fd);
}

void set_limits(const child_plan& plan) {
  bool open_files = plan.open_files == nullptr;
  for (auto& wanted : plan.request->limits) {
    rlimit value{wanted.soft, wanted.hard};
    open_files |= wanted.resource == RLIMIT_NOFILE;
    if (setrlimit(static_cast<__rlimit_resource>(wanted.resource), &value) != 0) {
      char number[16];
      snprintf(number, sizeof number, "%d", wanted.resource);
      report(plan, step::limits, number);
    }
  }
  if (!open_files && setrlimit(RLIMIT_NOFILE, plan.open_files) != 0)
    report(plan, step::limits);
}

void set_stdio(const child_plan& plan) {
  int out = plan.out >= 0 ? plan.out : plan.null_fd;
  int err = plan.err >= 0 ? plan.err : plan.request->err == protocol::stdio::join_stdout ? out : plan.null_fd;
  if (dup2(plan.null_fd, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
    report(plan, step::stdio);
}

/// Puts the readiness pipe on the wanted number; `status` gives way where it sits there.
void set_ready_fd(child_plan& plan) {
  int wanted = plan.request->ready_fd;
  if (plan.ready < 0)
    return;
  if (plan.status == wanted) {
    plan.status = fcntl(plan.status, F_DUPFD_CLOEXEC, wanted + 1);
    if (plan.status < 0)
      _exit(127);
  }
  if (plan.ready == wanted ? fcntl(wanted, F_SETFD, 0) != 0 : dup2(plan.ready, wanted) < 0)
    report(plan, step::ready_fd);
}

/// By raw calls: the C library's wrappers would look for threads to tell.
void set_user(const child_plan& plan) {
  auto& request = *plan.request;
  if (!request.change_user)
    return;
  char number[16];
  auto word = [&](std::uint32_t id) {
    snprintf(number, sizeof number, "%u", id);
    return number;
  };
  for (int fd : {1, 2}) // the pipe as /dev/stdout stays open to the daemon
    if ((fd == 1 ? plan.out : plan.err) >= 0 && fchown(fd, request.uid, static_cast<gid_t>(-1)) != 0)
      report(plan, step::stdio);
  if (syscall(SYS_setgroups, request.groups.size(), request.groups.data()) != 0)
    report(plan, step::groups);
  if (syscall(SYS_setresgid, request.gid, request.gid, request.gid) != 0)
    report(plan, step::group, word(request.gid));
  if (syscall(SYS_setresuid, request.uid, request.uid, request.uid) != 0)
    report(plan, step::user, word(request.uid));
}

} // namespace

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

void unblock_signals() {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

void become_child(const child_plan& given) {
  child_plan plan = given;
  auto& request = *plan.request;
  write_ledger(plan);
  if (syscall(SYS_setsid) < 0)
    report(plan, step::session);
  enter_cgroup(plan);
  set_limits(plan);
  set_stdio(plan);
  set_ready_fd(plan);
  set_user(plan);
  if (request.no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    report(plan, step::privileges);
  if (!request.working_dir.empty() && chdir(request.working_dir.data()) != 0)
    report(plan, step::working_dir, request.working_dir);
  unblock_signals();
  execve(request.path.data(), plan.argv, plan.env); // every other descriptor of the keeper is close-on-exec
  report(plan, step::exec, request.path);
}

void as_pointers(const std::vector<protocol::text>& strings, std::vector<char*>& pointers) {
  pointers.clear();
  pointers.reserve(strings.size() + 1);
  for (auto string : strings)
    pointers.push_back(const_cast<char*>(string.data()));
  pointers.push_back(nullptr);
}

} // namespace duende::keeper
