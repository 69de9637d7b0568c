#include "backends/native/spawn_keeper.hpp"

#include "core/paths.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string_view>

extern char** environ;

namespace duende {

caf::expected<std::string> find_keeper() {
  auto runs = [](const std::string& path) { return access(path.c_str(), X_OK) == 0; };
  if (auto* named = std::getenv("DUENDE_KEEPER"); named != nullptr && *named != '\0') {
    if (runs(named))
      return std::string{named};
    return fail(errc::not_found, "cannot execute '{}', which DUENDE_KEEPER names", named);
  }
  auto beside = program_dir();
  for (auto* place : {"/duende-keeper", "/../libexec/duende/duende-keeper"})
    if (auto path = beside + place; runs(path))
      return path;
  std::string_view rest = std::getenv("PATH") != nullptr ? std::getenv("PATH") : "";
  while (!rest.empty()) {
    auto end = rest.find(':');
    if (auto path = std::string{rest.substr(0, end)} + "/duende-keeper"; end != 0 && runs(path))
      return path;
    rest = end == std::string_view::npos ? "" : rest.substr(end + 1);
  }
  return fail(
    errc::not_found, "cannot find 'duende-keeper': neither in '{}' nor in PATH; DUENDE_KEEPER can name it", beside);
}

caf::expected<spawned_keeper> spawn_keeper(const std::string& state_dir, const std::string& run_dir) {
  auto program = find_keeper();
  if (!program)
    return program.error();
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
    return errno_error(errc::spawn_failed, errno, "cannot create the keeper's socket");
  constexpr int theirs = 3;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pair[1], theirs); // clears close-on-exec, also where it is 3 already
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  std::string arguments[] = {*program,     "--state-dir",         state_dir, "--run-dir", run_dir,
                             "--adopt-fd", std::to_string(theirs)};
  char* argv[std::size(arguments) + 1] = {};
  for (std::size_t i = 0; i < std::size(arguments); ++i)
    argv[i] = arguments[i].data();
  spawned_keeper result;
  int problem = posix_spawn(&result.pid, program->c_str(), &actions, &attributes, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  close(pair[1]);
  if (problem != 0) {
    close(pair[0]);
    return errno_error(errc::spawn_failed, problem, "cannot start '" + *program + "'");
  }
  result.fd = pair[0];
  return result;
}

} // namespace duende
