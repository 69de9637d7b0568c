// What the parts of a file watch share. Private to monitors/files.
#pragma once

#include "core/reactor.hpp"
#include "monitors/files/file_watch.hpp"

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

struct inotify_event;

namespace duende {

class file_watch::impl {
public:
  explicit impl(std::string never) : never_(std::move(never)) {}
  ~impl();

  caf::expected<std::uint64_t> add(watch_spec what, std::string base, callbacks to);
  void remove(std::uint64_t id);

private:
  struct watcher {
    watch_spec spec;
    std::string base;
    callbacks to;
    std::string first; ///< that changed since the last call; empty: nothing
    bool others = false, waiting = false;
    bool told_limit = false, told_refusal = false;
    instant began{}, last{};
  };
  /// Why a folder is watched.
  struct use {
    std::uint64_t watcher = 0;
    std::string root; ///< the path of the configuration
    std::string name; ///< not empty: only for this entry, which stands for the root
  };
  struct folder {
    std::string path;
    std::vector<use> uses;
  };

  caf::error open();
  // All below run on the reactor's thread.
  void on_events();
  void on_event(const inotify_event& event);
  void on_entry(const folder& where, const use& by, std::string_view name, std::uint32_t mask);
  void overflowed();
  void begin(std::uint64_t id);
  void watch_root(std::uint64_t id, watcher& w, const std::string& root);
  void watch_tree(std::uint64_t id, watcher& w, const std::string& root, const std::string& path);
  bool watch_folder(watcher& w, const std::string& path, use by);
  void drop(std::uint64_t id);
  void drop_below(const std::string& path);
  void changed(std::uint64_t id, const std::string& path);
  void settle(std::uint64_t id);
  bool ignored(const watcher& w, const std::string& root, std::string_view path) const;

  std::string never_;
  std::mutex mutex_; ///< guards the making of what follows
  std::unique_ptr<reactor> io_;
  int fd_ = -1;
  std::uint64_t next_ = 1;
  std::map<std::uint64_t, watcher> watchers_;
  std::unordered_map<int, folder> folders_; ///< by watch descriptor
};

} // namespace duende
