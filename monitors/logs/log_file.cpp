#include "monitors/logs/log_file.hpp"

#include "core/crash_point.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <limits>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace duende::logs {

namespace {

int make_directories(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) == 0 || errno == EEXIST)
    return 0;
  if (errno != ENOENT)
    return errno;
  auto slash = path.find_last_of('/');
  if (slash == std::string::npos || slash == 0)
    return ENOENT;
  if (int error = make_directories(path.substr(0, slash)))
    return error;
  return ::mkdir(path.c_str(), 0755) == 0 || errno == EEXIST ? 0 : errno;
}

constexpr std::uint64_t reserve_step = 8 << 20;
constexpr std::uint64_t reserve_ahead = 1 << 20;
constexpr auto no_reserve = std::numeric_limits<std::uint64_t>::max();

} // namespace

std::string_view file_name(log_stream stream) { return stream == log_stream::out ? "stdout.log" : "stderr.log"; }

std::string file_path(std::string_view dir, log_stream stream, std::uint32_t index) {
  std::string result{dir};
  result += '/';
  result += file_name(stream);
  if (index > 0)
    result += '.' + std::to_string(index);
  return result;
}

int open_log(const std::string& path, int& fd) {
  constexpr auto flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  fd = ::open(path.c_str(), flags, 0640);
  if (fd < 0 && errno == ENOENT) {
    if (int error = make_directories(path.substr(0, path.find_last_of('/'))))
      return error;
    fd = ::open(path.c_str(), flags, 0640);
  }
  if (fd < 0)
    return errno;
  struct stat info {};
  int error = ::fstat(fd, &info) != 0 ? errno : S_ISREG(info.st_mode) ? 0 : EINVAL;
  if (error)
    ::close(std::exchange(fd, -1));
  return error;
}

int log_file::ensure() {
  struct stat info {};
  if (fd_ >= 0 && (::fstat(fd_, &info) != 0 || info.st_nlink == 0))
    close();
  if (fd_ < 0) {
    if (int error = open_log(path(), fd_))
      return error;
    if (::fstat(fd_, &info) != 0) {
      int error = errno;
      close();
      return error;
    }
  }
  size_ = static_cast<std::uint64_t>(info.st_size); // someone may have truncated it
  inode_ = info.st_ino;
  return 0;
}

void log_file::close() {
  struct stat info {};
  if (fd_ >= 0 && reserved_ > size_ && reserved_ != no_reserve && ::fstat(fd_, &info) == 0)
    (void)!::ftruncate(fd_, info.st_size); // the same size, but nothing beyond
  if (fd_ >= 0)
    ::close(fd_);
  fd_ = -1;
  size_ = 0;
  reserved_ = 0;
}

void log_file::reserve() {
  if (size_ + reserve_ahead <= reserved_)
    return;
  auto end = size_ + reserve_step;
  if (target_->max_bytes > 0)
    end = std::min(end, target_->max_bytes);
  if (end <= std::max(size_, reserved_))
    return;
  auto done = ::fallocate(fd_, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(size_), static_cast<off_t>(end - size_)) == 0;
  reserved_ = done ? end : no_reserve;
}

int log_file::rotate() {
  auto last = std::max<std::uint32_t>(target_->max_files, 1) - 1;
  auto name = [this](std::uint32_t index) { return file_path(target_->dir, stream_, index); };
  close();
  for (auto index = last + 1; ::unlink(name(index).c_str()) == 0; ++index) // max_files was larger once
    ;
  if (last == 0)
    return ::unlink(name(0).c_str()) == 0 || errno == ENOENT ? 0 : errno;
  std::uint32_t free = 1;
  while (free < last && ::access(name(free).c_str(), F_OK) == 0)
    ++free;
  ::unlink(name(free).c_str()); // ext4 writes a file out at once when it is renamed over another
  for (auto index = free; index > 0; --index) {
    crash_point("log.rotate");
    if (::rename(name(index - 1).c_str(), name(index).c_str()) != 0 && errno != ENOENT)
      return errno;
  }
  return 0;
}

void log_file::undo() {
  if (fd_ >= 0)
    (void)!::ftruncate(fd_, static_cast<off_t>(size_));
  if (reserved_ != no_reserve)
    reserved_ = 0;
}

file_view log_file::view() const {
  char last = '\n';
  if (size_ > 0)
    (void)!::pread(fd_, &last, 1, static_cast<off_t>(size_ - 1));
  return {size_, target_->max_bytes, last == '\n'};
}

} // namespace duende::logs
