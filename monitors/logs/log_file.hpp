// The file a stream is written to, and its rotated predecessors.
#pragma once

#include "core/state.hpp"
#include "monitors/logs/framing.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace duende::logs {

/// Opens a log for reading and writing, and creates it with its directory where it is missing. 0 or an errno (EINVAL for what is
/// no regular file).
int open_log(const std::string& path, int& fd);

/// Where and how a daemon is logged.
struct target {
  std::string dir;
  std::uint64_t max_bytes = 0;
  std::uint32_t max_files = 1; ///< the current one included; 0 counts as 1
  bool timestamps = true;
};

/// "stdout.log" or "stderr.log"
std::string_view file_name(log_stream stream);
/// `<dir>/<file_name>` for 0, else with ".<index>"
std::string file_path(std::string_view dir, log_stream stream, std::uint32_t index = 0);

/// Functions that can fail return an errno, 0 for success. Not thread-safe; `target` must outlive it.
class log_file {
public:
  log_file(const target& where, log_stream stream) : target_(&where), stream_(stream) {}
  log_file(const log_file&) = delete;
  log_file& operator=(const log_file&) = delete;
  ~log_file() { close(); }

  /// Opens (and creates, with its directory) where it is not open or was removed, and learns its size: it is the caller's to
  /// write at `size()`, since splice(2) refuses files opened for appending.
  int ensure();
  void close();
  /// Renames it away. A crash on the way leaves a gap in the numbers, which the next rotation closes before it drops anything.
  int rotate();

  /// Prepares for much more: spares a file system the search for space with every page. Space that is left over is given back
  /// by `close`, or by the file's deletion after a kill. Best effort.
  void reserve();
  /// To be told of each write.
  void grew(std::uint64_t bytes) { size_ += bytes; }
  /// Takes back what was written beyond `size()`.
  void undo();

  int fd() const { return fd_; }
  std::uint64_t size() const { return size_; }
  std::uint64_t inode() const { return inode_; }
  std::string path() const { return file_path(target_->dir, stream_); }
  file_view view() const;
  bool fits(std::uint64_t bytes) const { return target_->max_bytes == 0 || size_ + bytes <= target_->max_bytes; }
  const target& where() const { return *target_; }

private:
  const target* target_;
  std::uint64_t size_ = 0;
  std::uint64_t inode_ = 0;
  std::uint64_t reserved_ = 0; ///< up to this offset; the maximum: it can't be had
  int fd_ = -1;
  log_stream stream_;
};

} // namespace duende::logs
