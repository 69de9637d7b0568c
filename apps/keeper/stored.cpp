// Descriptors that daemons leave to their next lives (FDSTORE=1 of sd_notify(3)): held as opaque things, across their lives and
// the node's. A hang-up tells that nobody needs one any more.
#include "apps/keeper/keeper.hpp"

#include <linux/kcmp.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace duende::keeper {
namespace {

/// The same open file, however often it was sent: after a crash of the node it comes again.
bool same_file(int a, int b) {
  auto result = syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, a, b);
  if (result >= 0)
    return result == 0;
  // Without kcmp(2): a socket is one open file, but all eventfds share one inode, and a file may be open twice.
  struct stat of_a {
  }, of_b{};
  return fstat(a, &of_a) == 0 && fstat(b, &of_b) == 0 && S_ISSOCK(of_a.st_mode) && of_a.st_dev == of_b.st_dev
         && of_a.st_ino == of_b.st_ino;
}

/// An event may be about one that had this number before.
bool hung_up(int fd) {
  pollfd one{fd, 0, 0};
  return poll(&one, 1, 0) == 1 && (one.revents & (POLLHUP | POLLERR)) != 0;
}

bool is_fd_name(std::string_view name) {
  return !name.empty() && name.size() <= protocol::max_fd_name
         && std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' && c < 127 && c != ':'; });
}

} // namespace

bool keeper::has_stored(const slot& which) const {
  return std::any_of(stored_.begin(), stored_.end(), [&](auto& each) { return each.slot == which.index; });
}

void keeper::on_store_fd(const protocol::store_fd& request) {
  auto no = [&](protocol::refusal why, std::int64_t detail) {
    refuse(protocol::kind::store_fd, why, request.id, 0, detail);
  };
  auto* which = find(request.id);
  if (beside_ < 0 || !is_fd_name(request.name))
    return no(protocol::refusal::malformed, 0);
  if (which == nullptr || which->phase == phase::orphan)
    return no(protocol::refusal::unknown_id, 0);
  std::size_t count = 0;
  for (auto& each : stored_) {
    if (each.slot != which->index)
      continue;
    if (same_file(each.fd, beside_))
      return;
    ++count;
  }
  auto most = std::min<std::size_t>(request.most, protocol::max_stored);
  if (count >= most)
    return no(protocol::refusal::store_full, static_cast<std::int64_t>(most));
  int fd = std::exchange(beside_, -1);
  // No events asked for: a hang-up and an error are always told. What can't be watched, like a file, has neither.
  bool watched = request.poll && watch(fd, tag::stored, static_cast<std::uint32_t>(fd), 0);
  stored_.push_back({which->index, fd, watched, std::string{request.name}});
}

void keeper::on_drop_fds(const protocol::drop_fds& request) {
  if (auto* which = find(request.id); which != nullptr)
    drop_stored(*which, request.name);
}

void keeper::drop_stored(const slot& which, std::string_view name) {
  auto unwanted = [&](const stored_fd& each) {
    if (each.slot != which.index || (!name.empty() && each.name != name))
      return false;
    if (each.watched) // our close alone does not do it: the daemon has copies
      epoll_ctl(epoll_, EPOLL_CTL_DEL, each.fd, nullptr);
    close(each.fd);
    return true;
  };
  stored_.erase(std::remove_if(stored_.begin(), stored_.end(), unwanted), stored_.end());
}

void keeper::on_stored_event(int fd) {
  auto known = std::find_if(stored_.begin(), stored_.end(), [&](auto& each) { return each.fd == fd; });
  if (known == stored_.end() || !hung_up(fd))
    return;
  epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
  close(fd);
  stored_.erase(known);
}

} // namespace duende::keeper
