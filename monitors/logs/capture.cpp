#include "monitors/logs/capture.hpp"

#include "core/errc.hpp"
#include "monitors/logs/engine.hpp"

#include <sys/stat.h>
#include <unistd.h>

namespace duende {

struct log_capture::impl {
  explicit impl(config& cfg)
    : thread(cfg.stage_read_fd, cfg.stage_write_fd, cfg.journal_path, std::move(cfg.on_error), std::move(cfg.on_line)) {
  }

  /// For the log thread, which alone adds and removes.
  logs::daemon_log* find(const uuid& id) {
    auto found = daemons.find(id);
    return found == daemons.end() ? nullptr : found->second.get();
  }

  /// Runs `fn(daemon)` on the log thread where `id` is open then.
  template <class Fn>
  void with(const uuid& id, Fn fn) {
    thread.post([this, id, fn = std::move(fn)]() mutable {
      if (auto* daemon = find(id))
        fn(*daemon);
    });
  }

  mutable std::mutex mutex; ///< for `daemons` itself; the log thread needs it only to change it
  /// Pipes on their way to the log thread, by stream; -1: none. Guarded by the mutex.
  std::unordered_map<uuid, std::array<int, 2>> coming;
  std::unordered_map<uuid, std::unique_ptr<logs::daemon_log>> daemons;
  logs::engine thread; // ends first
};

log_capture::log_capture(config cfg) : impl_(std::make_unique<impl>(cfg)) {}

log_capture::~log_capture() = default;

caf::expected<void> log_capture::open(const uuid& id, std::string name, const log_spec& spec, std::string dir) {
  if (dir.empty() || dir.front() != '/')
    return fail(errc::invalid_config, "{}: the log directory '{}' is not absolute", name, dir);
  struct stat info {};
  if (::stat(dir.c_str(), &info) == 0 && !S_ISDIR(info.st_mode))
    return fail(errc::invalid_config, "{}: '{}' is no directory to log to", name, dir);
  logs::target where{std::move(dir), spec.max_bytes, spec.max_files, spec.timestamps};
  impl_->thread.post([this, id, name = std::move(name), where = std::move(where)]() mutable {
    auto* daemon = impl_->find(id);
    if (!daemon) {
      auto fresh = std::make_unique<logs::daemon_log>(std::move(name));
      fresh->where = std::move(where);
      std::lock_guard lock{impl_->mutex};
      impl_->daemons.emplace(id, std::move(fresh));
      return;
    }
    for (auto& x : daemon->streams) {
      impl_->thread.drain(x); // what was printed under the old settings
      x.file.close();
      x.copies = x.spliced = false;
    }
    daemon->name = std::move(name);
    daemon->where = std::move(where);
  });
  return {};
}

void log_capture::attach(const uuid& id, log_stream stream, int fd) {
  const auto which = static_cast<std::size_t>(stream);
  {
    std::lock_guard lock{impl_->mutex};
    impl_->coming.try_emplace(id, std::array{-1, -1}).first->second[which] = fd;
  }
  impl_->thread.post([this, id, which, fd] {
    std::unique_lock lock{impl_->mutex};
    if (auto found = impl_->coming.find(id); found != impl_->coming.end() && found->second[which] == fd) {
      found->second[which] = -1;
      if (found->second[0] < 0 && found->second[1] < 0)
        impl_->coming.erase(found);
    }
    auto* daemon = impl_->find(id);
    if (!daemon) {
      ::close(fd);
      return;
    }
    auto& x = daemon->streams[which];
    if (x.pipe >= 0) // the old pipe is emptied first: others need not wait for that
      lock.unlock();
    impl_->thread.attach(x, fd);
  });
}

caf::expected<void> log_capture::watch(const uuid& id, const std::string& pattern, std::function<void()> on_match) {
  auto compiled = logs::line_pattern::compile(pattern);
  if (!compiled)
    return std::move(compiled.error());
  auto watch = std::make_shared<logs::line_watch>(std::move(*compiled), std::move(on_match));
  impl_->with(
    id, [watch](logs::daemon_log& daemon) { daemon.watch = std::make_unique<logs::line_watch>(std::move(*watch)); });
  return {};
}

void log_capture::unwatch(const uuid& id) {
  impl_->with(id, [](logs::daemon_log& daemon) { daemon.watch.reset(); });
}

void log_capture::drain(const uuid& id, std::function<void()> done) {
  impl_->thread.post([this, id, done = std::move(done)] {
    if (auto* daemon = impl_->find(id))
      for (auto& x : daemon->streams)
        impl_->thread.drain(x);
    if (done)
      done();
  });
}

void log_capture::end_life(const uuid& id) {
  // The next life may have printed before the log thread comes to this: what is in the pipes now is the old one's.
  std::array<std::optional<std::uint64_t>, 2> until;
  {
    std::lock_guard lock{impl_->mutex};
    auto* daemon = impl_->find(id);
    auto coming = impl_->coming.find(id);
    for (std::size_t i = 0; i < until.size(); ++i)
      if (daemon && daemon->streams[i].pipe >= 0)
        until[i] = logs::engine::written(daemon->streams[i]);
      else if (coming != impl_->coming.end() && coming->second[i] >= 0) // it lived for less than the log thread slept
        until[i] = logs::waiting(coming->second[i]);
  }
  impl_->with(id, [this, until](logs::daemon_log& daemon) {
    for (std::size_t i = 0; i < until.size(); ++i)
      impl_->thread.end_line(daemon.streams[i], until[i]);
  });
}

void log_capture::close(const uuid& id) {
  impl_->with(id, [this, id](logs::daemon_log& daemon) {
    for (auto& x : daemon.streams)
      impl_->thread.close(x);
    std::lock_guard lock{impl_->mutex};
    impl_->daemons.erase(id);
  });
}

log_totals log_capture::totals(const uuid& id) const {
  std::lock_guard lock{impl_->mutex};
  auto found = impl_->daemons.find(id);
  if (found == impl_->daemons.end())
    return {};
  auto of = [&](log_stream which) {
    auto& x = found->second->streams[static_cast<std::size_t>(which)];
    return stream_totals{x.bytes.load(std::memory_order_relaxed), x.rotations.load(std::memory_order_relaxed)};
  };
  return {of(log_stream::out), of(log_stream::err)};
}

void log_capture::reopen(const uuid& id) {
  impl_->with(id, [](logs::daemon_log& daemon) {
    for (auto& x : daemon.streams)
      x.file.close();
  });
}

void log_capture::rotate(const uuid& id) {
  impl_->with(id, [this](logs::daemon_log& daemon) {
    for (auto& x : daemon.streams)
      impl_->thread.rotate(x);
  });
}

} // namespace duende
