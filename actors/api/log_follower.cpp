#include "actors/api/log_follower.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <sys/inotify.h>
#include <unistd.h>

namespace duende::api {
namespace {

constexpr std::size_t turn_bytes = 256 * 1024;
constexpr std::uint32_t new_entries = IN_CREATE | IN_MOVED_TO | IN_ONLYDIR | IN_MASK_ADD;

} // namespace

log_follower::log_follower() : fd_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {}

log_follower::~log_follower() {
  if (fd_ >= 0)
    close(fd_);
}

void log_follower::add(log_source source, std::optional<std::size_t> tail) {
  log_reader out{source.dir, log_stream::out}, err{source.dir, log_stream::err};
  if (tail) {
    out.seek_tail(*tail);
    err.seek_tail(*tail);
  }
  add(std::move(source), std::move(out), std::move(err));
}

void log_follower::add(log_source source, log_reader out, log_reader err) {
  if (!known_.emplace(source.daemon, all_.size()).second)
    return;
  auto index = all_.size();
  all_.push_back({std::move(source), std::move(out), std::move(err), false});
  watch(index);
  mark(index); // what was written before the watch stood is read at once
}

void log_follower::mark(std::size_t index) {
  if (!std::exchange(all_[index].dirty, true))
    dirty_.push_back(index);
}

/// Watches the daemon's folder, or, where it is missing, the nearest one that exists for the next one on the way.
void log_follower::watch(std::size_t index) {
  const auto& dir = all_[index].source.dir;
  auto existing = dir;
  std::string missing;
  while (true) {
    // IN_MASK_ADD: several may have asked for the same folder, for different things. What is written to files in a
    // folder that is only on the way (the state directory: a database) must wake nobody.
    int wd = inotify_add_watch(fd_, existing.c_str(), missing.empty() ? new_entries | IN_MODIFY : new_entries);
    if (wd >= 0) {
      if (missing.empty()) {
        watched_[wd].push_back(index);
        return;
      }
      parents_[wd] = existing;
      awaited_.emplace(missing, index);
      if (access(missing.c_str(), F_OK) != 0)
        return;
      awaited_.erase(std::prev(awaited_.upper_bound(missing))); // made just now
      existing = dir;
      missing.clear();
      continue;
    }
    auto slash = existing.rfind('/');
    if ((errno != ENOENT && errno != ENOTDIR) || slash == std::string::npos || existing == "/")
      return;
    missing = existing;
    existing.resize(std::max<std::size_t>(slash, 1));
  }
}

void log_follower::take_notices() {
  alignas(inotify_event) char buffer[16 * 1024];
  while (true) {
    auto n = read(fd_, buffer, sizeof buffer);
    if (n <= 0)
      return;
    for (ssize_t at = 0; at < n;) {
      const auto& notice = *reinterpret_cast<const inotify_event*>(buffer + at);
      at += static_cast<ssize_t>(sizeof notice + notice.len);
      if ((notice.mask & IN_Q_OVERFLOW) != 0) {
        for (std::size_t i = 0; i < all_.size(); ++i)
          mark(i);
        continue;
      }
      if (auto found = watched_.find(notice.wd); found != watched_.end())
        for (auto index : found->second)
          mark(index);
      auto parent = parents_.find(notice.wd);
      if (parent == parents_.end() || notice.len == 0 || (notice.mask & (IN_CREATE | IN_MOVED_TO)) == 0)
        continue;
      auto made = (parent->second == "/" ? "" : parent->second) + "/" + notice.name;
      auto [first, last] = awaited_.equal_range(made);
      std::vector<std::size_t> waiting;
      for (auto i = first; i != last; ++i)
        waiting.push_back(i->second);
      awaited_.erase(first, last);
      for (auto index : waiting) {
        watch(index);
        mark(index);
      }
    }
  }
}

bool log_follower::read_some(followed& from, const std::function<bool(const log_lines&)>& on_lines, bool& more) {
  std::string text;
  for (auto [stream, reader] : {std::pair{log_stream::out, &from.out}, std::pair{log_stream::err, &from.err}}) {
    text.clear();
    if (!reader->next(text, turn_bytes))
      continue;
    more = true;
    if (!on_lines({from.source, stream, text, reader->take_lost()}))
      return false;
  }
  return true;
}

bool log_follower::pump(const std::function<bool(const log_lines&)>& on_lines) {
  take_notices();
  for (auto index : std::exchange(dirty_, {})) {
    all_[index].dirty = false;
    bool more = false;
    if (!read_some(all_[index], on_lines, more))
      return false;
    if (more)
      mark(index);
  }
  return true;
}

} // namespace duende::api
