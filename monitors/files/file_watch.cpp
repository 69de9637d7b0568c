#include "core/errc.hpp"
#include "monitors/files/file_watch_impl.hpp"

#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace duende {
namespace {

/// Files that are written without end must not keep a restart away for ever.
constexpr int most_debounces = 50;

} // namespace

file_watch::file_watch(std::string never) : impl_(std::make_shared<impl>(std::move(never))) {}
file_watch::~file_watch() = default;

caf::expected<std::shared_ptr<void>> file_watch::watch(watch_spec what, std::string base, callbacks to) {
  auto id = impl_->add(std::move(what), std::move(base), std::move(to));
  if (!id)
    return id.error();
  auto end = [watch = std::weak_ptr<impl>{impl_}, id = *id](void*) {
    if (auto alive = watch.lock())
      alive->remove(id);
  };
  return std::shared_ptr<void>{this, end};
}

file_watch::impl::~impl() {
  io_.reset(); // joins its thread
  if (fd_ >= 0)
    ::close(fd_);
}

caf::error file_watch::impl::open() {
  if (fd_ >= 0)
    return {};
  int fd = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (fd < 0 && errno == EMFILE)
    return make_error(
      errc::limit_reached, "cannot watch files: no inotify instance is left; raise fs.inotify.max_user_instances "
                           "(sysctl fs.inotify.max_user_instances=512)");
  if (fd < 0)
    return errno_error(errc::io_failure, errno, "cannot watch files: inotify_init1");
  try {
    io_ = std::make_unique<reactor>();
  } catch (const std::exception& error) {
    ::close(fd);
    return fail(errc::io_failure, "cannot watch files: {}", error.what());
  }
  fd_ = fd;
  io_->add(fd_, EPOLLIN, [this](std::uint32_t) { on_events(); });
  return {};
}

caf::expected<std::uint64_t> file_watch::impl::add(watch_spec what, std::string base, callbacks to) {
  for (auto& path : what.paths) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0)
      return errno_error(
        errno == ENOENT || errno == ENOTDIR ? errc::not_found : errc::io_failure, errno,
        fmt::format("cannot watch '{}'", path));
  }
  std::lock_guard lock{mutex_};
  if (auto error = open())
    return error;
  auto id = next_++;
  watcher w{std::move(what), std::move(base), std::move(to), {}};
  io_->post([this, id, held = std::make_shared<watcher>(std::move(w))] {
    watchers_.emplace(id, std::move(*held));
    begin(id);
  });
  return id;
}

void file_watch::impl::remove(std::uint64_t id) {
  io_->post([this, id] { drop(id); });
}

void file_watch::impl::on_events() {
  alignas(inotify_event) std::array<char, 64 * 1024> buffer;
  auto size = ::read(fd_, buffer.data(), buffer.size());
  for (ssize_t at = 0; at < size;) {
    const auto& event = *reinterpret_cast<const inotify_event*>(buffer.data() + at);
    on_event(event);
    at += static_cast<ssize_t>(sizeof event + event.len);
  }
}

void file_watch::impl::on_event(const inotify_event& event) {
  if ((event.mask & IN_Q_OVERFLOW) != 0)
    return overflowed();
  auto found = folders_.find(event.wd);
  if (found == folders_.end())
    return;
  if ((event.mask & IN_IGNORED) != 0) {
    folders_.erase(found);
    return;
  }
  if (event.len == 0)
    return;                   // the folder itself; its parent tells
  auto where = found->second; // a copy: what follows changes the table
  for (auto& by : where.uses)
    on_entry(where, by, event.name, event.mask);
}

void file_watch::impl::on_entry(const folder& where, const use& by, std::string_view name, std::uint32_t mask) {
  auto found = watchers_.find(by.watcher);
  if (found == watchers_.end() || (!by.name.empty() && by.name != name))
    return;
  auto& w = found->second;
  auto path = (where.path == "/" ? "" : where.path) + "/" + std::string{name};
  if (by.name.empty() && ignored(w, by.root, path))
    return;
  bool is_folder = (mask & IN_ISDIR) != 0;
  if (is_folder && (mask & IN_MOVED_FROM) != 0)
    drop_below(path);
  if (is_folder && (mask & (IN_CREATE | IN_MOVED_TO)) != 0 && (w.spec.recursive || !by.name.empty()))
    watch_tree(by.watcher, w, by.root, by.name.empty() ? path : by.root);
  changed(by.watcher, by.name.empty() ? path : by.root);
}

/// What happened meanwhile nobody knows: folders may have come, files may have changed.
void file_watch::impl::overflowed() {
  for (auto& [id, w] : watchers_) {
    for (auto& root : w.spec.paths)
      watch_root(id, w, root);
    changed(id, w.spec.paths.front());
  }
}

void file_watch::impl::changed(std::uint64_t id, const std::string& path) {
  auto& w = watchers_.at(id);
  auto shown = path.starts_with(w.base + "/") ? path.substr(w.base.size() + 1) : path;
  w.last = monotonic_now();
  if (w.first.empty()) {
    w.first = shown;
    w.began = w.last;
  }
  w.others = w.others || w.first != shown;
  if (!std::exchange(w.waiting, true))
    io_->after(w.spec.debounce, [this, id] { settle(id); });
}

/// Tells once nothing has changed for long enough.
void file_watch::impl::settle(std::uint64_t id) {
  auto found = watchers_.find(id);
  if (found == watchers_.end())
    return;
  auto& w = found->second;
  auto now = monotonic_now();
  auto quiet = now - w.last;
  if (quiet < w.spec.debounce && now - w.began < w.spec.debounce * most_debounces) {
    io_->after(w.spec.debounce - quiet, [this, id] { settle(id); });
    return;
  }
  w.waiting = false;
  auto text = std::exchange(w.first, {}) + (std::exchange(w.others, false) ? " and others" : "");
  w.to.on_change(std::move(text));
}

} // namespace duende
