#include "backends/native/failure.hpp"

#include "core/capabilities.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

namespace duende {
namespace {

using protocol::step;

std::string words_of(int error) {
  char buffer[128];
  return strerror_r(error, buffer, sizeof buffer);
}

std::string limit_name(std::string_view number) {
  static constexpr std::pair<int, std::string_view> names[] = {
    {RLIMIT_AS, "as"},       {RLIMIT_CORE, "core"},   {RLIMIT_CPU, "cpu"},
    {RLIMIT_DATA, "data"},   {RLIMIT_FSIZE, "fsize"}, {RLIMIT_NOFILE, "nofile"},
    {RLIMIT_NPROC, "nproc"}, {RLIMIT_STACK, "stack"}, {RLIMIT_MEMLOCK, "memlock"}};
  int value = -1;
  std::from_chars(number.data(), number.data() + number.size(), value);
  for (auto& [resource, name] : names)
    if (resource == value)
      return std::string{name};
  return std::string{number};
}

/// The first bytes of a regular file; empty where it can't be read. Never opens what could block.
std::string head_of(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode))
    return {};
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return {};
  std::string head(256, '\0');
  auto count = read(fd, head.data(), head.size());
  close(fd);
  head.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return head;
}

/// The file is there, yet exec said it is not: its interpreter is what is missing (execve(2)).
std::string missing_interpreter(const std::string& path) {
  auto head = head_of(path);
  if (head.starts_with("#!")) {
    auto from = head.find_first_not_of(" \t", 2);
    if (from == std::string::npos || head[from] == '\n')
      return "its first line names no interpreter";
    auto name = head.substr(from, head.find_first_of(" \t\r\n", from) - from);
    bool windows_line = head.find('\r') < head.find('\n');
    return fmt::format(
      "its interpreter '{}' is missing{}", name,
      windows_line ? " (its lines end in CR LF, which becomes part of it)" : "");
  }
  if (head.starts_with("\x7f"
                       "ELF"))
    return "its interpreter, the dynamic loader it was built for, is missing";
  return words_of(ENOENT);
}

std::string exec_cause(const std::string& path, int error) {
  struct stat info {};
  bool there = stat(path.c_str(), &info) == 0;
  switch (error) {
    case ENOENT: return there ? missing_interpreter(path) : words_of(error);
    case EACCES:
      if (there && S_ISDIR(info.st_mode))
        return "it is a directory";
      if (there && !S_ISREG(info.st_mode))
        return "it is not a regular file";
      if (there && (info.st_mode & 0111) == 0)
        return "it is not executable";
      if (there && access(path.c_str(), X_OK) == 0)
        return words_of(error)
               + " (to its user, or by security.read_paths: these must hold the program, its interpreter and its "
                 "libraries)";
      return words_of(error);
    case ENOEXEC: return "it is neither a program for this machine nor a script that begins with '#!'";
    case E2BIG:
      return "its arguments and environment are too large (one string may have 128 KiB, all together a quarter of the "
             "stack limit)";
    default: return words_of(error);
  }
}

} // namespace

namespace {

int number_of(std::string_view text) {
  int value = -1;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// What to do about a part of a sandbox that could not be had.
std::string_view remedy(step which, int error) {
  bool refused = error == EPERM || error == EACCES;
  bool lacking = error == ENOSYS || error == EOPNOTSUPP || error == EINVAL;
  switch (which) {
    case step::network:
      return refused   ? " (it takes CAP_SYS_ADMIN, or user namespaces: sysctl user.max_user_namespaces)"
             : lacking ? " (the kernel has no network namespaces; security.optional = [\"network\"] starts without)"
                       : "";
    case step::files:
      return lacking ? " (the kernel has no landlock, or it is off: lsm= of its command line; security.optional = "
                       "[\"landlock\"] starts without)"
                     : "";
    case step::calls:
      return lacking ? " (the kernel has no seccomp filters; security.optional = [\"seccomp\"] starts without)" : "";
    case step::capabilities: return refused ? " (duende does not have it itself: run it as root or give it that)" : "";
    case step::lock_memory:
      return " (one of these helps: run duende with CAP_IPC_LOCK, raise its RLIMIT_MEMLOCK (LimitMEMLOCK=infinity of "
             "its "
             "unit, 'memlock' in limits.conf), or run it privileged)";
    default: return "";
  }
}

} // namespace

std::string describe_failure(step which, int error, std::string_view subject) {
  auto index = static_cast<std::size_t>(which);
  auto what = index < protocol::step_words.size() ? protocol::step_words[index] : "cannot start";
  auto name = which == step::limits         ? limit_name(subject)
              : which == step::capabilities ? capability_name(number_of(subject))
                                            : std::string{subject};
  auto cause = which == step::exec ? exec_cause(name, error) : words_of(error);
  if (which == step::process && error == EAGAIN)
    cause += " (the limit of processes is reached)";
  cause += remedy(which, error);
  return name.empty() ? fmt::format("{}: {}", what, cause) : fmt::format("{} '{}': {}", what, name, cause);
}

} // namespace duende
