// Ending all that is in a daemon's control groups, also what has left its process group.
#include "apps/keeper/keeper.hpp"

#include <csignal>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

namespace duende::keeper {
namespace {

constexpr int most_rounds = 16; ///< of version 1, where they may fork meanwhile

/// A file of the folder whose path has `length` bytes; -1 with errno.
int open_in(const char* folder, std::size_t length, const char* name, int flags) {
  char path[4200];
  if (length + strlen(name) + 2 > sizeof path)
    return -1;
  memcpy(path, folder, length);
  path[length] = '/';
  strcpy(path + length + 1, name);
  return open(path, flags | O_CLOEXEC | O_NONBLOCK); // whatever lies there, the keeper waits for nobody
}

/// Sends SIGKILL to each process that is listed; false where there is none.
bool kill_listed(const char* folder, std::size_t length) {
  int fd = open_in(folder, length, "cgroup.procs", O_RDONLY);
  if (fd < 0)
    return false;
  bool any = false;
  char text[4096];
  std::size_t have = 0;
  for (ssize_t n; (n = read(fd, text + have, sizeof text - 1 - have)) > 0;) {
    have += static_cast<std::size_t>(n);
    text[have] = 0;
    char* begin = text;
    for (char* end; (end = strchr(begin, '\n')) != nullptr; begin = end + 1)
      if (auto pid = atoi(begin); pid > 1 && kill(pid, 0) == 0) {
        any = true;
        kill(pid, SIGKILL);
      }
    have = static_cast<std::size_t>(text + have - begin);
    memmove(text, begin, have);
  }
  close(fd);
  return any;
}

} // namespace

void keeper::kill_cgroup(const slot& which) {
  for (const char* folder = which.cgroup.c_str(); *folder != 0;) {
    auto length = strcspn(folder, "\n");
    int fd = open_in(folder, length, "cgroup.kill", O_WRONLY); // version 2 from Linux 5.14 on
    if (fd >= 0) {
      [[maybe_unused]] auto written = write(fd, "1", 1);
      close(fd);
    } else {
      for (int round = 0; round < most_rounds && kill_listed(folder, length); ++round)
        continue;
    }
    folder += length + (folder[length] == '\n');
  }
}

} // namespace duende::keeper
