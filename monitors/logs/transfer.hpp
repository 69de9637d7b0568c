// Moves bytes from a pipe to a file such that a SIGKILL at any instruction neither loses nor repeats one.
#pragma once

#include "monitors/logs/journal.hpp"
#include "monitors/logs/log_file.hpp"

#include <caf/expected.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace duende::logs {

/// Three ways, all exact:
///
/// - `splice`: the kernel moves bytes from pipe to file in one call, which a kill can't divide. Its writer can't write meanwhile.
/// - `move`: note the file in the journal, move the bytes to the stage pipe, splice from there to the file while the writer goes
///   on writing, close the note. The successor of a killed process appends what it finds in the stage. What a full disk leaves
///   there is held until it can be written; the stage is out of use meanwhile, the other ways are not.
/// - `commit`: look at the bytes (tee), note the file's size in the journal, write, then move the bytes from their pipe to the
///   stage pipe, close the note, empty the stage. The successor of a killed process sees by the stage how far that came:
///   an open note with an empty stage means written but not consumed, so the file is cut back to the noted size; otherwise they
///   are consumed and the stage is emptied. While the stage is out of use, a kill may repeat the last chunk.
///
/// Used by one thread. Where an int is returned it is an errno, 0 for success.
class transfer {
public:
  /// Takes over the stage's descriptors; without them makes a private stage. Finishes what a predecessor left. `on_error` gets
  /// a sentence when exactness across a crash can't be had.
  transfer(
    int stage_read_fd, int stage_write_fd, const std::string& journal_path,
    const std::function<void(const std::string&)>& on_error);
  ~transfer();
  transfer(const transfer&) = delete;
  transfer& operator=(const transfer&) = delete;

  /// How many bytes one look or one commit can take.
  static constexpr std::size_t chunk = 1 << 20;

  /// The first bytes of `pipe`, `max` at the most; they stay in it. Valid until the next call.
  std::string_view look(int pipe, std::size_t max);

  /// Moves up to `count` bytes of `pipe` to the end of `file`; `moved` tells how many, also on errors.
  int splice(int pipe, log_file& file, std::size_t count, std::size_t& moved);

  /// Writes `text`, which was made of the first `used` bytes of `pipe`, and consumes those.
  /// `used` may be 0: then a kill leaves all of `text` or nothing.
  int commit(int pipe, log_file& file, std::string_view text, std::size_t used);
  /// Whether `move` can be had now: not without a stage and a journal that outlive this process.
  bool can_move() const { return shared_ && journal_ && held_ == 0; }
  /// Moves up to `count` bytes of `pipe` to the end of `file`; `moved` tells how many were taken, also on errors: then some of
  /// them are held. For files that were spliced to before, so that held bytes can be written one day.
  int move(int pipe, log_file& file, std::size_t count, std::size_t& moved);
  /// Tries to write what is held. Fails only where that belongs to `file`, which must not be written to or renamed before.
  int settle(const log_file& file) { return held_ == 0 ? 0 : settle_held(file.path()); }

  std::string& scratch_text() { return text_; }

private:
  void recover();
  void cut_back(const journal::step& step);
  int settle_held(const std::string& wanted);
  int fill_scratch(int pipe, std::size_t max, std::size_t& count);
  int finish(int pipe, log_file& file, std::size_t written, std::size_t used);
  void empty(int pipe, std::size_t count);

  int stage_[2] = {-1, -1};
  int scratch_[2] = {-1, -1};
  int null_ = -1;
  bool shared_ = false;
  std::size_t held_ = 0;  ///< bytes in the stage that could not be written; the journal's note is open
  std::string held_path_; ///< where they belong
  journal journal_;
  std::vector<char> buffer_;
  std::string text_;
};

} // namespace duende::logs
