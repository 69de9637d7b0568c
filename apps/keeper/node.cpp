// The node's process: started as the first child, started again whenever it dies.
#include "apps/keeper/keeper.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace duende::keeper {
namespace {

constexpr nanoseconds first_delay = 100 * milliseconds;
constexpr nanoseconds longest_delay = 10'000 * milliseconds;
constexpr nanoseconds longest_delay_of_killed = 1000 * milliseconds; ///< it had come up, and somebody killed it
constexpr nanoseconds healthy_run = 10'000 * milliseconds;
constexpr nanoseconds mute_grace = 2000 * milliseconds;       ///< for a node that closed its socket without a finish
constexpr nanoseconds farewell_grace = 30'000 * milliseconds; ///< for one that has said it

nanoseconds delay_of(std::uint32_t streak) {
  if (streak <= 1)
    return 0;
  return std::min(longest_delay, first_delay << std::min(streak - 2, 10u));
}

struct node_start {
  char* const* argv;
  int program; ///< -1: to be looked up
  int socket, ready, status;
  std::uint32_t generation;
  bool trial;
  const char* trial_failure;
  const char* state_dir;
};

[[noreturn]] void become_node(const node_start& how) {
  setpgid(0, 0); // a terminal's Ctrl-C comes once, through the keeper
  unblock_signals();
  char number[16];
  auto set = [&](const char* name, long value) {
    snprintf(number, sizeof number, "%ld", value);
    setenv(name, number, 1);
  };
  fcntl(how.socket, F_SETFD, 0);
  set("DUENDE_KEEPER_FD", how.socket);
  set("DUENDE_GENERATION", how.generation);
  for (auto name : {"DUENDE_READY_FD", "DUENDE_UPGRADED", "DUENDE_UPGRADE_FAILED"})
    unsetenv(name);
  if (how.ready >= 0) {
    fcntl(how.ready, F_SETFD, 0);
    set("DUENDE_READY_FD", how.ready);
  }
  if (how.trial)
    set("DUENDE_UPGRADED", 1);
  setenv("DUENDE_STATE_DIR", how.state_dir, 1);
  if (*how.trial_failure != '\0')
    setenv("DUENDE_UPGRADE_FAILED", how.trial_failure, 1);
  if (how.program >= 0)
    syscall(SYS_execveat, how.program, "", how.argv, environ, AT_EMPTY_PATH);
  if (
    how.program < 0 || errno == ENOSYS
    || errno == ENOENT) // a script: its interpreter could not open it by a descriptor
    execvp(how.argv[0], how.argv);
  int error = errno;
  [[maybe_unused]] auto written = write(how.status, &error, sizeof error);
  _exit(127);
}

} // namespace

void keeper::start_node() {
  int pair[2], status[2];
  node_.started = monotonic();
  node_.restart_at = never;
  auto retry = [&] { // out of descriptors or processes: what runs goes on, the node comes later
    ++node_.streak;
    node_.restart_at = monotonic() + std::max(delay_of(node_.streak), first_delay);
  };
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
    return retry();
  if (pipe2(status, O_CLOEXEC) != 0) {
    close(pair[0]);
    close(pair[1]);
    return retry();
  }
  ++node_.generation;
  bool trial = node_.trial >= 0;
  if (trial)
    node_.trial_until = monotonic() + node_.patience;
  auto pid = fork_with_pidfd(node_.pidfd);
  if (pid == 0)
    become_node(
      {settings_.node.data(), trial ? node_.trial : node_.program, pair[1], settings_.ready_fd, status[1],
       node_.generation, trial, node_.trial_failure.c_str(), settings_.state_dir.c_str()});
  node_.trial_failure.clear();
  close(pair[1]);
  close(status[1]);
  if (pid < 0) {
    close(pair[0]);
    close(status[0]);
    return retry();
  }
  if (settings_.ready_fd >= 0)
    close(settings_.ready_fd); // whoever reads it sees its end with the first node
  settings_.ready_fd = -1;
  node_.pid = pid;
  node_.status = status[0];
  node_.socket = pair[0];
  node_.greeted = node_.finishing = false;
  interest_ = EPOLLIN;
  watch(node_.pidfd, tag::node_exit);
  watch(node_.status, tag::node_status);
  watch(node_.socket, tag::socket);
}

void keeper::on_node_status() {
  if (node_.status < 0)
    return;
  int error = 0;
  auto size = read(node_.status, &error, sizeof error);
  unwatch(node_.status);
  close(node_.status);
  node_.status = -1;
  if (size == sizeof error)
    dprintf(STDERR_FILENO, "duende-keeper: cannot start '%s': %s\n", settings_.node[0], strerror(error));
}

void keeper::on_node_exit() {
  if (node_.pidfd < 0)
    return;
  siginfo_t info{};
  if (waitid(P_PIDFD, static_cast<id_t>(node_.pidfd), &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0)
    return;
  if (node_.status >= 0)
    on_node_status();
  on_socket(EPOLLHUP); // a finish may still lie there
  close_socket();
  unwatch(node_.pidfd);
  close(node_.pidfd);
  node_.pidfd = -1;
  node_.pid = 0;
  node_.give_up_at = never;
  bool by_itself = info.si_code == CLD_EXITED;
  if (node_.finishing)
    return stop_all(node_.finish_code);
  if (by_itself && node_.generation == 1 && !node_.greeted)
    return stop_all(info.si_status);
  if (ending_ != ending::no)
    return;
  if (after_upgrade(info))
    return start_node();
  auto now = monotonic();
  node_.streak = now - node_.started >= healthy_run ? 1 : node_.streak + 1;
  bool came_up_and_was_killed = node_.greeted && !by_itself;
  auto wait = std::min(delay_of(node_.streak), came_up_and_was_killed ? longest_delay_of_killed : longest_delay);
  if (wait == 0)
    start_node();
  else
    node_.restart_at = now + wait;
}

/// The other end is gone. Its process follows, or is made to; an embedding program takes its daemons along.
void keeper::close_socket() {
  if (node_.socket < 0)
    return;
  unwatch(node_.socket);
  close(node_.socket);
  node_.socket = -1;
  blocked_ = listing_ = false;
  retry_at_ = never;
  replies_.clear();
  if (settings_.adopt_fd >= 0)
    return stop_all(node_.finishing ? node_.finish_code : 0);
  node_.give_up_at = monotonic() + (node_.finishing ? farewell_grace : mute_grace);
}

void keeper::pass_on(int signal) {
  if (node_.pid > 0)
    kill(node_.pid, signal);
  else if (signal == SIGTERM || (signal == SIGINT && settings_.adopt_fd < 0))
    stop_all(0);
}

} // namespace duende::keeper
