// Takes what daemons print from their pipes into files: nothing lost, nothing repeated, also across a SIGKILL of the node.
#pragma once

#include "core/spec.hpp"
#include "core/uuid.hpp"

#include <caf/expected.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace duende {

struct stream_totals {
  std::uint64_t bytes = 0;     ///< taken from the pipe
  std::uint64_t rotations = 0; ///< files completed
};

/// Since the first `open` of that daemon in this process.
struct log_totals {
  stream_totals out, err;
};

/// One thread with one epoll for all daemons; it sleeps while nobody prints. All members are thread-safe; callbacks run on the
/// log thread, must not block and may call any member but the destructor.
///
/// Files are `<dir>/stdout.log` and `<dir>/stderr.log` (only the first where stderr is merged), opened at the first byte,
/// and `stdout.log.1` (newest) to `stdout.log.<max_files - 1>` once rotated. Rotation happens between lines: a line that came
/// in pieces ends in the file it began in, also where it passes `max_bytes`. One that is longer than `max_bytes` overruns its
/// file by 1 MiB at the most and is cut there; its rest opens the next file.
///
/// While a file can't be written (disk full, directory gone, descriptors exhausted) the pipe is left alone: the writer is held
/// back and nothing is dropped. It is tried again after 100 ms, then less often up to every 5 s.
class log_capture {
public:
  struct config {
    /// Both ends of a pipe that outlives this process (the keeper holds it); owned from here on. It is what makes a crash
    /// between writing and consuming visible to the successor. -1: a private pipe; then a crash may repeat the last chunk.
    int stage_read_fd = -1;
    int stage_write_fd = -1;
    /// A file of 8 KiB, made if missing. Belongs to the stage pipe. Empty: none, as above.
    std::string journal_path;
    /// Told once when a daemon's log can't be written, and again only after it could be meanwhile.
    std::function<void(const std::string& name, const std::string& sentence)> on_error;
    /// Told of each line as it goes to its file, without its end; one of more than 16 KiB comes in pieces. Costs; empty: nobody listens.
    std::function<void(const std::string& name, log_stream stream, std::string_view line)> on_line;
  };

  /// Finishes what a killed predecessor left, then starts the thread.
  explicit log_capture(config cfg);
  /// Stops the thread and closes everything; bytes still in pipes stay there.
  ~log_capture();
  log_capture(const log_capture&) = delete;
  log_capture& operator=(const log_capture&) = delete;

  /// Makes the daemon known, or changes where and how it is logged from its next byte on. Creates nothing yet.
  /// Errors: invalid_config where `dir` is not absolute or is something else than a directory.
  caf::expected<void> open(const uuid& id, std::string name, const log_spec& spec, std::string dir);

  /// Takes over the read end of a pipe. One that was attached before is emptied into the file first, then closed.
  /// Ignored (and closed) where `id` is not open.
  void attach(const uuid& id, log_stream stream, int fd);

  /// Calls `on_match` once, when a line of either stream matches from now on; the first 4 KiB of a line are looked at.
  /// Replaces an earlier watch of `id`. Errors: invalid_config where `pattern` (ECMAScript) can't be read.
  caf::expected<void> watch(const uuid& id, const std::string& pattern, std::function<void()> on_match);
  void unwatch(const uuid& id);

  /// Calls `done` when everything that is in the daemon's pipes now is in its files, or can't be written.
  void drain(const uuid& id, std::function<void()> done);

  /// The life that wrote until now is over, and the next one has not begun: ends the line that it left open, so that the next life's first line is
  /// one of its own. Writes at most one byte to each stream's file, exactly once, and makes no file.
  void end_life(const uuid& id);

  /// Drains, closes descriptors and files and forgets the daemon.
  void close(const uuid& id);

  /// Zeros where `id` is not open.
  log_totals totals(const uuid& id) const;

  /// Opens the files anew at the next byte, for tools that move them away.
  void reopen(const uuid& id);
  /// Starts new files now; empty ones are left alone.
  void rotate(const uuid& id);

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace duende
