// One turn of one stream: from its pipe to its files, within a bound.
#pragma once

#include "monitors/logs/line_matcher.hpp"
#include "monitors/logs/transfer.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace duende::logs {

struct source {
  source(const target& where, log_stream stream) : file(where, stream) {}
  source(const source&) = delete;
  source& operator=(const source&) = delete;
  ~source();

  std::atomic<int> pipe = -1;
  std::atomic<std::uint32_t> changes{0}; ///< odd while bytes are taken or the pipe is exchanged
  bool copies = false;                   ///< the file system can't be spliced to
  bool spliced = false;                  ///< it can
  bool bulk = false;                     ///< much came with the latest move
  log_file file;
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<std::uint64_t> rotations{0};
};

/// Told of bytes that went to the file.
class listener {
public:
  virtual ~listener() = default;
  virtual void taken(std::string_view bytes) = 0;
};

struct turn {
  std::size_t moved = 0;
  bool ended = false;           ///< empty, and nobody can write to the pipe any more
  int error = 0;                ///< errno of what failed
  const char* failed = nullptr; ///< in words: "open", "write", "rotate"
};

/// Moves up to `budget` bytes. `ear` may be null; then raw bytes need not be looked at.
turn pump(transfer& way, source& from, std::size_t budget, listener* ear);

/// Bytes that wait in a pipe.
std::size_t waiting(int pipe);

} // namespace duende::logs
