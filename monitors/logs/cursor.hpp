// A place in one stream's files that only moves forward, across rotations.
#pragma once

#include "core/state.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace duende::logs {

class cursor {
public:
  /// A longer line comes in pieces.
  static constexpr std::size_t longest_piece = 1 << 20;
  /// How far back `seek_back` looks.
  static constexpr std::uint64_t longest_tail = 32 << 20;

  using sink = std::function<void(std::string_view line)>;

  cursor(std::string dir, log_stream stream) : dir_(std::move(dir)), stream_(stream) {}
  cursor(cursor&& other) = delete;
  ~cursor() { close(); }

  /// Goes to where the last `lines` whole lines begin. Tells how many bytes are behind that place.
  std::uint64_t seek_back(std::uint64_t lines);

  /// Hands on whole lines, about `budget` bytes of them. True if more may be there already.
  bool read(std::size_t budget, const sink& out);

private:
  struct generation {
    int fd = -1;
    std::uint64_t size = 0;
  };

  void close();
  bool open_oldest();
  bool open_successor();
  bool adopt(int fd);
  void check_truncation();
  std::size_t read_block(const sink& out);
  void flush(const sink& out);
  std::vector<generation> generations() const;

  std::string dir_;
  log_stream stream_;
  int fd_ = -1;
  std::uint64_t inode_ = 0;
  std::uint64_t offset_ = 0; ///< of the next byte to read
  std::string partial_;      ///< a line whose end has not been seen
  std::vector<char> block_;
};

} // namespace duende::logs
