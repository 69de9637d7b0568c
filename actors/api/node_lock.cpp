#include "actors/api/node_lock.hpp"

#include "actors/api/listener.hpp"
#include "core/time.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace duende {
namespace {

std::string folder_of(const std::string& path) {
  auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
}

pid_t written_pid(int fd) {
  std::array<char, 32> text{};
  auto n = pread(fd, text.data(), text.size() - 1, 0);
  return n > 0 ? static_cast<pid_t>(std::strtol(text.data(), nullptr, 10)) : 0;
}

/// Returns when the holder has ended: its lock is gone then. The pid may be an old one (the holder has not written its own yet, or
/// only looked who holds it), so the lock is tried again after a while in any case.
void await_end_of(pid_t holder, duration limit) {
  constexpr duration moment = std::chrono::milliseconds{5}, while_alive = std::chrono::milliseconds{100};
  int pidfd = holder > 0 ? static_cast<int>(syscall(SYS_pidfd_open, holder, 0)) : -1;
  auto bound = std::chrono::ceil<std::chrono::milliseconds>(std::min(limit, pidfd >= 0 ? while_alive : moment));
  pollfd waiting{pidfd, POLLIN, 0};
  poll(&waiting, 1, static_cast<int>(bound.count()));
  if (pidfd >= 0)
    close(pidfd);
}

} // namespace

caf::expected<node_lock> node_lock::acquire(const std::string& node, const std::string& socket_path) {
  auto dir = folder_of(socket_path);
  if (auto ready = api::prepare_run_dir(dir); !ready)
    return ready.error();
  auto path = dir + "/node.lock";
  int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    return errno_error(errc::io_failure, errno, fmt::format("cannot open '{}'", path));
  node_lock lock{fd};
  auto deadline = monotonic_now() + std::chrono::seconds{1};
  while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR)
      continue;
    if (errno != EWOULDBLOCK)
      return errno_error(errc::io_failure, errno, fmt::format("cannot lock '{}'", path));
    auto left = deadline - monotonic_now();
    if (left <= duration{})
      return fail(
        errc::already_exists, "a node named '{}' already runs (pid {}) on {}", node, written_pid(fd), socket_path);
    await_end_of(written_pid(fd), left);
  }
  auto text = fmt::format("{}\n", getpid());
  if (ftruncate(fd, 0) != 0 || pwrite(fd, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
    return errno_error(errc::io_failure, errno, fmt::format("cannot write '{}'", path));
  return lock;
}

pid_t node_lock::holder(const std::string& socket_path) {
  auto path = folder_of(socket_path) + "/node.lock";
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0)
    return 0;
  // A shared lock is refused exactly while somebody holds it; it goes with the descriptor.
  bool held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  auto pid = held ? written_pid(fd) : 0;
  close(fd);
  return held ? std::max(pid, pid_t{1}) : 0;
}

node_lock& node_lock::operator=(node_lock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

node_lock::~node_lock() {
  if (fd_ >= 0)
    close(fd_);
}

} // namespace duende
