// Reads one captured stream of one daemon forward, line by line, across rotations.
#pragma once

#include "core/state.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace duende::api {

/// Not thread-safe. Holds no descriptor between calls, so thousands of them cost nothing. A file is known by its identity, not its
/// name: what is renamed away by a rotation is read to its end before the next one is begun.
class log_reader {
public:
  log_reader(std::string dir, log_stream stream);

  void seek_begin() { at_ = {}; }
  /// Behind the last complete line.
  void seek_end() { seek_tail(0); }
  /// Before the last `lines` complete lines.
  void seek_tail(std::size_t lines);

  /// Appends complete lines to `out`, at most about `limit` bytes; false where there are none now. A line longer than `limit`
  /// comes in pieces. `as_it_is`: the file's last piece is a line even without a newline, for who reads on no more.
  bool next(std::string& out, std::size_t limit, bool as_it_is = false);
  /// Whether, since the last call, files were rotated out of existence before they were read.
  bool take_lost();

private:
  struct identity {
    std::uint64_t inode = 0;
    std::int64_t birth = 0; ///< inodes are used again; 0 where the file system does not tell
    bool operator==(const identity&) const = default;
  };
  struct position {
    identity file; ///< none: begin with the oldest there is
    std::uint64_t offset = 0;
  };
  /// An open file of the series.
  struct opened {
    int fd = -1;
    identity id;
    std::uint64_t size = 0;
    opened() = default;
    opened(const opened&) = delete;
    opened& operator=(const opened&) = delete;
    ~opened();
  };

  bool open(const std::string& path, opened& file) const;
  std::string current_path() const;
  /// Newest first: the current one, then by number.
  std::vector<std::string> paths() const;
  enum class step { lines, end, moved };
  step read_rotated(std::string& out, std::size_t limit, bool as_it_is);
  static bool read_lines(const opened& file, std::uint64_t& offset, bool final, std::string& out, std::size_t limit);

  std::string dir_;
  log_stream stream_;
  position at_;
  bool lost_ = false;
};

} // namespace duende::api
