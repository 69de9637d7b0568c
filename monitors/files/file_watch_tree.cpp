// Which folders are watched, and for whom.
#include "core/errc.hpp"
#include "monitors/files/file_watch_impl.hpp"

#include <dirent.h>
#include <fnmatch.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <fstream>

namespace duende {
namespace {

constexpr std::uint32_t watched_events =
  IN_MODIFY | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR | IN_EXCL_UNLINK;

std::string parent_of(const std::string& path) {
  auto slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

std::string last_name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

bool is_folder(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

std::string watch_limit() {
  std::ifstream file{"/proc/sys/fs/inotify/max_user_watches"};
  std::string text;
  return std::getline(file, text) ? text : "?";
}

/// The folders in a folder; links are not followed.
std::vector<std::string> folders_in(const std::string& path) {
  std::vector<std::string> names;
  auto* stream = ::opendir(path.c_str());
  if (stream == nullptr)
    return names;
  while (const auto* entry = ::readdir(stream)) {
    std::string name = entry->d_name;
    if (name == "." || name == "..")
      continue;
    bool folder = entry->d_type == DT_DIR;
    if (entry->d_type == DT_UNKNOWN) {
      struct stat info {};
      folder = ::lstat((path + "/" + name).c_str(), &info) == 0 && S_ISDIR(info.st_mode);
    }
    if (folder)
      names.push_back(std::move(name));
  }
  ::closedir(stream);
  return names;
}

} // namespace

/// Each name below the root is held against the patterns; those with a slash against the whole path below it.
bool file_watch::impl::ignored(const watcher& w, const std::string& root, std::string_view path) const {
  if (!never_.empty() && (path == never_ || path.starts_with(never_ + "/")))
    return true;
  if (path.size() <= root.size() + 1)
    return false;
  std::string below{path.substr(root.size() + 1)};
  return std::any_of(w.spec.ignore.begin(), w.spec.ignore.end(), [&](const std::string& pattern) {
    auto plain = pattern.ends_with('/') ? pattern.substr(0, pattern.size() - 1) : pattern;
    if (plain.find('/') != std::string::npos)
      return ::fnmatch(plain.c_str(), below.c_str(), FNM_PATHNAME | FNM_LEADING_DIR) == 0;
    for (std::size_t from = 0; from <= below.size();) {
      auto to = std::min(below.find('/', from), below.size());
      if (::fnmatch(plain.c_str(), below.substr(from, to - from).c_str(), 0) == 0)
        return true;
      from = to + 1;
    }
    return false;
  });
}

void file_watch::impl::begin(std::uint64_t id) {
  auto& w = watchers_.at(id);
  for (auto& root : w.spec.paths)
    watch_root(id, w, root);
}

/// The folder above tells when the root itself is replaced, removed and made again: editors write so, and builds.
void file_watch::impl::watch_root(std::uint64_t id, watcher& w, const std::string& root) {
  watch_folder(w, parent_of(root), {id, root, last_name_of(root)});
  char real[PATH_MAX];
  if (::realpath(root.c_str(), real) != nullptr && root != real) // a link: what it leads to
    watch_folder(w, parent_of(real), {id, root, last_name_of(real)});
  if (is_folder(root))
    watch_tree(id, w, root, root);
}

void file_watch::impl::watch_tree(std::uint64_t id, watcher& w, const std::string& root, const std::string& path) {
  std::vector<std::string> left = {path};
  while (!left.empty()) {
    auto folder = std::move(left.back());
    left.pop_back();
    if ((folder != root && ignored(w, root, folder)) || !watch_folder(w, folder, {id, root, {}}) || !w.spec.recursive)
      continue;
    for (auto& name : folders_in(folder))
      left.push_back((folder == "/" ? "" : folder) + "/" + name);
  }
}

/// False where it can't be: told once where somebody should know.
bool file_watch::impl::watch_folder(watcher& w, const std::string& path, use by) {
  int wd = ::inotify_add_watch(fd_, path.c_str(), watched_events);
  if (wd < 0) {
    if (errno == ENOSPC && !std::exchange(w.told_limit, true))
      w.to.on_trouble(fmt::format(
        "'{}' and more are not watched: the limit of inotify watches is reached; raise fs.inotify.max_user_watches, "
        "now {} (sysctl fs.inotify.max_user_watches=1048576)",
        path, watch_limit()));
    else if (errno != ENOENT && errno != ENOTDIR && errno != ENOSPC && !std::exchange(w.told_refusal, true))
      w.to.on_trouble(sentence(errno_error(errc::io_failure, errno, fmt::format("cannot watch '{}'", path))));
    return false;
  }
  auto& entry = folders_[wd];
  entry.path = path;
  auto same = [&](const use& x) { return x.watcher == by.watcher && x.root == by.root && x.name == by.name; };
  if (std::none_of(entry.uses.begin(), entry.uses.end(), same))
    entry.uses.push_back(std::move(by));
  return true;
}

void file_watch::impl::drop(std::uint64_t id) {
  watchers_.erase(id);
  for (auto at = folders_.begin(); at != folders_.end();) {
    std::erase_if(at->second.uses, [&](const use& x) { return x.watcher == id; });
    if (at->second.uses.empty()) {
      ::inotify_rm_watch(fd_, at->first);
      at = folders_.erase(at);
    } else {
      ++at;
    }
  }
}

/// A folder was moved away: it would go on telling under its old name.
void file_watch::impl::drop_below(const std::string& path) {
  for (auto at = folders_.begin(); at != folders_.end();) {
    bool below = at->second.path == path || at->second.path.starts_with(path + "/");
    if (below)
      ::inotify_rm_watch(fd_, at->first);
    at = below ? folders_.erase(at) : std::next(at);
  }
}

} // namespace duende
