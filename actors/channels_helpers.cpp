// Short helper processes: probes and gates, and what the latter print.
#include "actors/channels.hpp"

#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

namespace duende {
namespace {

/// What is in the pipe now. Asked for first: the helper writes through the same open file, which must go on blocking for it.
void read_some(int fd, helper_output& to) {
  std::array<char, 16 * 1024> part{};
  for (int there = 0; ::ioctl(fd, FIONREAD, &there) == 0 && there > 0;) {
    const auto n = ::read(fd, part.data(), std::min(part.size(), static_cast<std::size_t>(there)));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return;
    std::lock_guard lock{to.mutex};
    to.text.append(part.data(), static_cast<std::size_t>(n));
    if (to.text.size() > helper_output::most) // its last words say why it failed
      to.text.erase(0, to.text.size() - helper_output::most / 2);
  }
}

} // namespace

exec_cancel channels::launch_helper(
  const launch_request& request, std::function<void(exit_reason)> done, helper_output_ptr output) {
  std::shared_ptr<keeper_link> link;
  {
    std::lock_guard lock{mutex_};
    link = link_;
    if (link)
      helpers_.emplace(request.id, helper{done, std::move(output), -1});
  }
  if (!link) {
    done(exit_reason::spawn("this node has no keeper"));
    return {};
  }
  link->launch(request);
  return
    [link, id = request.id, number = request.incarnation] { link->signal(id, number, SIGKILL, signal_scope::group); };
}

bool channels::helper_arrived(const daemon_channels& what) {
  {
    std::lock_guard lock{mutex_};
    auto found = helpers_.find(what.id);
    if (found == helpers_.end())
      return false;
    found->second.out = what.out;
  }
  if (what.err >= 0)
    ::close(what.err);
  if (what.out < 0)
    return true;
  io_.add(what.out, EPOLLIN, [this, id = what.id](std::uint32_t) { read_helper(id); });
  return true;
}

void channels::read_helper(const uuid& id) {
  helper_output_ptr to;
  int fd = -1;
  {
    std::lock_guard lock{mutex_};
    auto found = helpers_.find(id);
    if (found == helpers_.end() || found->second.out < 0 || !found->second.output)
      return;
    to = found->second.output;
    fd = found->second.out;
  }
  read_some(fd, *to);
}

bool channels::helper_ended(const uuid& id, const exit_reason& reason) {
  read_helper(id); // what it printed last
  helper ended;
  std::shared_ptr<keeper_link> link;
  {
    std::lock_guard lock{mutex_};
    auto found = helpers_.extract(id);
    if (!found)
      return false;
    ended = std::move(found.mapped());
    link = link_;
  }
  if (ended.out >= 0) {
    io_.remove(ended.out);
    ::close(ended.out);
  }
  if (ended.output) {
    std::lock_guard lock{ended.output->mutex};
    ended.output->end = reason;
  }
  link->forget(id);
  ended.done(reason);
  return true;
}

} // namespace duende
