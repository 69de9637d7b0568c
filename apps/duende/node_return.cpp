#include "apps/duende/node_return.hpp"

#include <algorithm>
#include <array>

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

namespace duende::cli {
namespace {

constexpr duration blind_pause = std::chrono::milliseconds{200};

} // namespace

node_return::node_return(const std::string& socket) : pause_(blind_pause) {
  if (socket.find("://") != std::string::npos) { // nothing here tells when a node elsewhere is back
    pause_ = remote_pause;
    return;
  }
  auto slash = socket.rfind('/');
  name_ = slash == std::string::npos ? socket : socket.substr(slash + 1);
  auto folder = slash == std::string::npos ? "." : socket.substr(0, std::max<std::size_t>(slash, 1));
  fd_ = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  // A node binds, listens, then sets the mode: IN_ATTRIB tells that it answers.
  if (fd_ >= 0 && inotify_add_watch(fd_, folder.c_str(), IN_ATTRIB | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) < 0) {
    close(fd_);
    fd_ = -1;
  }
}

node_return::~node_return() {
  if (fd_ >= 0)
    close(fd_);
}

bool node_return::seen() {
  alignas(inotify_event) char buffer[4096];
  bool result = false;
  for (ssize_t size; (size = read(fd_, buffer, sizeof buffer)) > 0;)
    for (ssize_t at = 0; at < size;) {
      const auto& notice = *reinterpret_cast<const inotify_event*>(buffer + at);
      result = result || (notice.len != 0 && name_ == notice.name);
      at += static_cast<ssize_t>(sizeof notice + notice.len);
    }
  return result;
}

bool node_return::wait(duration limit, int stop_fd) {
  auto now = monotonic_now();
  if (now - last_ > 3 * remote_pause) // the node was there in between
    first_ = now;
  if (fd_ < 0 && now - first_ > limit)
    return false;
  last_ = now + std::min(limit, pause_);
  auto end = now + (fd_ >= 0 ? limit : std::min(limit, pause_));
  std::array<pollfd, 2> waiting = {{{fd_, POLLIN, 0}, {stop_fd, POLLIN, 0}}};
  while (true) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(end - monotonic_now()).count();
    poll(waiting.data(), waiting.size(), static_cast<int>(std::max<long>(left, 0)));
    if (waiting[1].revents != 0)
      return false;
    if (fd_ >= 0 && seen())
      return true;
    if (left <= 0)
      return fd_ < 0;
  }
}

} // namespace duende::cli
