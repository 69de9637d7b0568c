// Tells when files change: one inotify instance and one thread for all who ask, made with the first of them.
#pragma once

#include "core/spec.hpp"

#include <caf/expected.hpp>

#include <functional>
#include <memory>
#include <string>

namespace duende {

/// All members are thread-safe. Source: inotify(7).
class file_watch {
public:
  struct callbacks {
    /// Nothing has changed for the debounce time, but before that something had: which, in words ("build/app.js and others").
    /// Called on the watch's thread; must not block.
    std::function<void(std::string)> on_change;
    /// Something can't be watched; a sentence that says what and what to do. Once for each kind of trouble.
    std::function<void(std::string)> on_trouble;
  };

  /// What lies in `never` is never watched: the node's own folder.
  explicit file_watch(std::string never = {});
  ~file_watch();
  file_watch(const file_watch&) = delete;
  file_watch& operator=(const file_watch&) = delete;

  /// Watches until the token goes, which waits for nobody: a call under way may end later. Paths are shown relative to `base`.
  /// A path that is replaced or comes back is watched on. Folders are read on the watch's thread, soon.
  /// Errors: not_found where a path is not there now, limit_reached where the kernel has no instance left, io_failure.
  caf::expected<std::shared_ptr<void>> watch(watch_spec what, std::string base, callbacks to);

private:
  class impl;
  std::shared_ptr<impl> impl_;
};

} // namespace duende
