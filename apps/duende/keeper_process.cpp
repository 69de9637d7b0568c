#include "apps/duende/keeper_process.hpp"

#include "backends/native/spawn_keeper.hpp"
#include "core/paths.hpp"

#include <cerrno>
#include <csignal>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <unistd.h>

extern char** environ;

namespace duende::cli {
namespace {

caf::expected<std::string> find_node_program() {
  for (const char* place : {"/duended", "/../libexec/duende/duended"})
    if (auto path = program_dir() + place; access(path.c_str(), X_OK) == 0)
      return path;
  return fail(errc::not_found, "no program 'duended' beside 'duende' in {}", program_dir());
}

/// Makes the folder and what is missing above it; only its own content is private.
caf::error make_state_dir(const std::string& state_dir) {
  int made = 0;
  for (std::size_t slash = 0; slash != std::string::npos;) {
    slash = state_dir.find('/', slash + 1);
    made = mkdir(state_dir.substr(0, slash).c_str(), slash == std::string::npos ? 0700 : 0755);
  }
  if (made != 0 && errno != EEXIST)
    return errno_error(errc::io_failure, errno, fmt::format("cannot create state_dir '{}'", state_dir));
  return {};
}

/// Where a detached node says what it has to say before it has logs of its own.
int open_node_log(const std::string& state_dir) {
  return open((state_dir + "/node.log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

} // namespace

caf::expected<keeper_process> start_keeper(const keeper_command& command) {
  auto keeper = find_keeper();
  if (!keeper)
    return keeper.error();
  auto node = find_node_program();
  if (!node)
    return node.error();
  if (auto error = make_state_dir(command.state_dir))
    return error;
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) != 0)
    return errno_error(errc::spawn_failed, errno, "cannot create a pipe");
  // A number of its own in the child: dup2 to the same number would keep close-on-exec.
  constexpr int ready_in_child = 3;
  int source = fcntl(ready[1], F_DUPFD_CLOEXEC, 10);
  auto run_dir = command.socket.substr(0, command.socket.rfind('/'));
  std::vector<std::string> words = {
    *keeper,
    "--state-dir",
    command.state_dir,
    "--run-dir",
    run_dir,
    "--ready-fd",
    std::to_string(ready_in_child),
    "--",
    *node,
    "--config",
    command.config_file,
    "--socket",
    command.socket};
  if (command.end_orphans)
    words.push_back("--end-orphans");
  std::vector<char*> argv;
  for (auto& word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  int log = command.detached ? open_node_log(command.state_dir) : -1;
  if (command.detached && log < 0)
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  else if (command.detached)
    posix_spawn_file_actions_adddup2(&actions, log, STDERR_FILENO);
  if (command.detached)
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, source, ready_in_child);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, defaults;
  sigemptyset(&none);
  sigfillset(&defaults);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  keeper_process started;
  int code = posix_spawn(&started.pid, keeper->c_str(), &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  for (int fd : {source, ready[1], log})
    if (fd >= 0)
      close(fd);
  if (code != 0) {
    close(ready[0]);
    return errno_error(errc::spawn_failed, code, fmt::format("cannot start '{}'", *keeper));
  }
  started.ready_fd = ready[0];
  return started;
}

} // namespace duende::cli
