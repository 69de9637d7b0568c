#include "monitors/logs/cursor.hpp"

#include "monitors/logs/log_file.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace duende::logs {

namespace {

constexpr std::size_t block_size = 64 << 10;
constexpr std::uint32_t most_files = 100'000;
constexpr std::uint32_t longest_gap = 1; ///< in the numbers, left by a crash in a rotation

int open_file(const std::string& path) { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); }

std::optional<std::uint64_t> inode_of(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0)
    return std::nullopt;
  return static_cast<std::uint64_t>(info.st_ino);
}

} // namespace

void cursor::close() {
  if (fd_ >= 0)
    ::close(std::exchange(fd_, -1));
}

bool cursor::adopt(int fd) {
  struct stat info {};
  if (fd < 0)
    return false;
  if (::fstat(fd, &info) != 0) {
    ::close(fd);
    return false;
  }
  close();
  fd_ = fd;
  inode_ = info.st_ino;
  offset_ = 0;
  return true;
}

/// Newest first. A rotation on the way could show a file twice or not at all, so it is tried again then.
std::vector<cursor::generation> cursor::generations() const {
  std::vector<generation> result;
  for (int attempt = 0; attempt < 10; ++attempt) {
    for (auto& x : result)
      ::close(x.fd);
    result.clear();
    auto newest = inode_of(file_path(dir_, stream_));
    std::uint64_t total = 0;
    for (std::uint32_t index = 0, gap = 0; index < most_files && gap <= longest_gap && total < longest_tail; ++index) {
      int fd = open_file(file_path(dir_, stream_, index));
      struct stat info {};
      if (fd < 0 || ::fstat(fd, &info) != 0) {
        if (fd >= 0)
          ::close(fd);
        gap += index > 0;
        continue;
      }
      gap = 0;
      total += static_cast<std::uint64_t>(info.st_size);
      result.push_back({fd, static_cast<std::uint64_t>(info.st_size)});
    }
    if (newest == inode_of(file_path(dir_, stream_)))
      break;
  }
  return result;
}

std::uint64_t cursor::seek_back(std::uint64_t lines) {
  partial_.clear();
  close();
  auto files = generations();
  block_.resize(block_size);
  std::uint64_t newlines = 0, behind = 0;
  std::size_t index = 0;
  std::uint64_t place = 0;
  auto find = [&] {
    for (index = 0; index < files.size(); ++index) {
      for (auto end = files[index].size; end > 0;) {
        auto size = std::min<std::uint64_t>(end, block_size);
        if (::pread(files[index].fd, block_.data(), size, static_cast<off_t>(end - size)) != static_cast<ssize_t>(size))
          break;
        for (auto at = size; at > 0; --at) {
          auto* found = static_cast<char*>(::memrchr(block_.data(), '\n', at));
          if (!found)
            break;
          at = static_cast<std::uint64_t>(found - block_.data()) + 1;
          place = end - size + at;
          if (newlines++ == lines || behind + (end - place) > longest_tail)
            return;
        }
        end -= size;
        behind += size;
      }
      place = 0;
    }
    index = files.empty() ? 0 : files.size() - 1; // fewer lines than asked for
  };
  find();
  behind = 0;
  if (!files.empty()) {
    adopt(std::exchange(files[index].fd, -1));
    offset_ = place;
    for (std::size_t i = 0; i <= index; ++i)
      behind += files[i].size;
    behind -= std::min(place, behind);
  }
  for (auto& x : files)
    if (x.fd >= 0)
      ::close(x.fd);
  return behind;
}

bool cursor::open_oldest() {
  std::uint32_t oldest = 0;
  for (std::uint32_t index = 1, gap = 0; index < most_files && gap <= longest_gap; ++index) {
    if (inode_of(file_path(dir_, stream_, index)))
      oldest = index, gap = 0;
    else
      ++gap;
  }
  return adopt(open_file(file_path(dir_, stream_, oldest)));
}

/// Our file was renamed: goes on with the one that was made after it.
bool cursor::open_successor() {
  for (int attempt = 0; attempt < 10; ++attempt) {
    std::optional<std::uint32_t> ours;
    for (std::uint32_t index = 0, gap = 0; index < most_files && gap <= longest_gap && !ours; ++index) {
      auto inode = inode_of(file_path(dir_, stream_, index));
      if (inode == inode_)
        ours = index;
      else
        gap = inode ? 0 : gap + 1;
    }
    if (!ours)
      return open_oldest(); // deleted before we could finish
    if (*ours == 0)
      return false;
    int next = -1;
    for (auto index = *ours; index > 0 && next < 0; --index)
      next = open_file(file_path(dir_, stream_, index - 1));
    if (inode_of(file_path(dir_, stream_, *ours)) == inode_)
      return adopt(next);
    if (next >= 0)
      ::close(next); // rotated meanwhile
  }
  return false;
}

/// A file becomes shorter when the capture takes back an unfinished write, or someone empties it.
void cursor::check_truncation() {
  struct stat info {};
  if (::fstat(fd_, &info) != 0 || static_cast<std::uint64_t>(info.st_size) >= offset_)
    return;
  auto lost = offset_ - static_cast<std::uint64_t>(info.st_size);
  partial_.resize(partial_.size() - std::min<std::uint64_t>(partial_.size(), lost));
  offset_ = static_cast<std::uint64_t>(info.st_size);
}

void cursor::flush(const sink& out) {
  if (!partial_.empty())
    out(partial_);
  partial_.clear();
}

std::size_t cursor::read_block(const sink& out) {
  block_.resize(block_size);
  auto n = ::pread(fd_, block_.data(), block_.size(), static_cast<off_t>(offset_));
  if (n <= 0)
    return 0;
  offset_ += static_cast<std::uint64_t>(n);
  std::string_view rest{block_.data(), static_cast<std::size_t>(n)};
  for (auto end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
    if (partial_.empty()) {
      out(rest.substr(0, end));
    } else {
      partial_.append(rest.substr(0, end));
      flush(out);
    }
    rest.remove_prefix(end + 1);
  }
  partial_.append(rest);
  if (partial_.size() >= longest_piece)
    flush(out);
  return static_cast<std::size_t>(n);
}

bool cursor::read(std::size_t budget, const sink& out) {
  if (fd_ < 0 && !open_oldest())
    return false;
  check_truncation();
  for (std::size_t done = 0;;) {
    auto current = inode_of(file_path(dir_, stream_)); // before the last look: what was renamed grows no more
    while (done < budget) {
      auto n = read_block(out);
      if (n == 0)
        break;
      done += n;
    }
    if (done >= budget)
      return true;
    if (current == inode_)
      return false;
    auto before = inode_;
    if (!open_successor() || inode_ == before)
      return false;
    flush(out); // a line that was cut by the rotation
  }
}

} // namespace duende::logs
