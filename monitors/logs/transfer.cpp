#include "monitors/logs/transfer.hpp"

#include "core/crash_point.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace duende::logs {

namespace {

constexpr int pipe_size = 1 << 20;

/// Calls `fn` until it does something else than being interrupted.
template <class Fn>
ssize_t uninterrupted(Fn fn) {
  ssize_t result;
  do
    result = fn();
  while (result < 0 && errno == EINTR);
  return result;
}

ssize_t move_between_pipes(int from, int to, std::size_t count) {
  return uninterrupted([=] { return ::splice(from, nullptr, to, nullptr, count, SPLICE_F_NONBLOCK | SPLICE_F_MOVE); });
}

/// Moves `count` bytes to `file` at `offset`; `moved` tells how many, also on errors.
int splice_to_file(int from, int file, std::uint64_t offset, std::size_t count, std::size_t& moved) {
  auto at = static_cast<loff_t>(offset);
  while (moved < count) {
    auto n = uninterrupted([&] { return ::splice(from, nullptr, file, &at, count - moved, SPLICE_F_NONBLOCK); });
    if (n < 0)
      return errno;
    if (n == 0)
      return EIO; // someone else reads the pipe
    moved += static_cast<std::size_t>(n);
  }
  return 0;
}

std::uint64_t identity(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 ? static_cast<std::uint64_t>(info.st_ino) : 0;
}

} // namespace

transfer::transfer(
  int stage_read_fd, int stage_write_fd, const std::string& journal_path,
  const std::function<void(const std::string&)>& on_error) {
  auto report = [&](const caf::error& error) {
    if (on_error)
      on_error(sentence(error));
  };
  stage_[0] = stage_read_fd;
  stage_[1] = stage_write_fd;
  shared_ = stage_read_fd >= 0 && stage_write_fd >= 0;
  if (!shared_ && ::pipe2(stage_, O_CLOEXEC | O_NONBLOCK) != 0)
    report(errno_error(errc::io_failure, errno, "cannot make the log stage pipe"));
  if (::pipe2(scratch_, O_CLOEXEC | O_NONBLOCK) != 0)
    report(errno_error(errc::io_failure, errno, "cannot make the log scratch pipe"));
  null_ = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  ::fcntl(stage_[0], F_SETPIPE_SZ, pipe_size);
  // What fits into the scratch pipe must fit into the stage, so that consuming is one call.
  auto capacity = ::fcntl(stage_[0], F_GETPIPE_SZ);
  if (::fcntl(scratch_[0], F_SETPIPE_SZ, capacity) < 0 && capacity < ::fcntl(scratch_[0], F_GETPIPE_SZ))
    report(errno_error(errc::io_failure, errno, "cannot size the log scratch pipe"));
  if (shared_ && !journal_path.empty()) {
    if (auto opened = journal::open(journal_path, identity(stage_[0])))
      journal_ = std::move(*opened);
    else
      report(opened.error());
  }
  recover();
  if (held_ > 0)
    if (int error = settle_held(held_path_))
      report(errno_error(
        errc::io_failure, error,
        fmt::format("cannot write to '{}' ({} bytes of output wait in the log stage)", held_path_, held_)));
}

transfer::~transfer() {
  for (int fd : {stage_[0], stage_[1], scratch_[0], scratch_[1], null_})
    if (fd >= 0)
      ::close(fd);
}

void transfer::recover() {
  int staged = 0;
  ::ioctl(stage_[0], FIONREAD, &staged);
  auto step = journal_.pending();
  if (step && step->how == journal::way::staged && staged > 0) {
    held_ = static_cast<std::size_t>(staged);
    held_path_ = step->path;
    crash_point("log.recovered");
    return;
  }
  if (step && step->how == journal::way::written && staged == 0)
    cut_back(*step);
  journal_.finish(); // before the stage is emptied, or the next successor would cut consumed bytes off
  crash_point("log.recovered");
  empty(stage_[0], static_cast<std::size_t>(staged));
}

void transfer::cut_back(const journal::step& step) {
  int fd = ::open(step.path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  struct stat info {};
  if (
    fd >= 0 && ::fstat(fd, &info) == 0 && info.st_ino == step.inode
    && static_cast<std::uint64_t>(info.st_size) > step.offset)
    (void)!::ftruncate(fd, static_cast<off_t>(step.offset));
  if (fd >= 0)
    ::close(fd);
}

int transfer::settle_held(const std::string& wanted) {
  int fd = -1;
  int error = open_log(held_path_, fd);
  struct stat info {};
  if (error == 0 && ::fstat(fd, &info) != 0)
    error = errno;
  std::size_t done = 0;
  if (error == 0)
    error = splice_to_file(stage_[0], fd, static_cast<std::uint64_t>(info.st_size), held_, done);
  if (fd >= 0)
    ::close(fd);
  held_ -= done;
  if (held_ == 0)
    journal_.finish();
  return wanted == held_path_ ? error : 0;
}

void transfer::empty(int pipe, std::size_t count) {
  while (count > 0) {
    auto n = move_between_pipes(pipe, null_, count);
    if (n <= 0)
      return;
    count -= static_cast<std::size_t>(n);
  }
}

int transfer::fill_scratch(int pipe, std::size_t max, std::size_t& count) {
  auto n = uninterrupted([&] { return ::tee(pipe, scratch_[1], std::min(max, chunk), SPLICE_F_NONBLOCK); });
  count = n > 0 ? static_cast<std::size_t>(n) : 0;
  return n < 0 ? errno : 0;
}

std::string_view transfer::look(int pipe, std::size_t max) {
  std::size_t count = 0;
  if (fill_scratch(pipe, max, count) != 0)
    return {};
  if (buffer_.size() < count)
    buffer_.resize(count);
  std::size_t have = 0;
  while (have < count) {
    auto n = uninterrupted([&] { return ::read(scratch_[0], buffer_.data() + have, count - have); });
    if (n <= 0)
      break;
    have += static_cast<std::size_t>(n);
  }
  return {buffer_.data(), have};
}

int transfer::splice(int pipe, log_file& file, std::size_t count, std::size_t& moved) {
  auto before = moved;
  int error = splice_to_file(pipe, file.fd(), file.size(), count, moved);
  file.grew(moved - before);
  return error;
}

int transfer::move(int pipe, log_file& file, std::size_t count, std::size_t& moved) {
  journal_.begin(journal::way::staged, file.path(), file.inode(), file.size());
  crash_point("log.noted");
  auto n = move_between_pipes(pipe, stage_[1], std::min(count, chunk));
  if (n <= 0) {
    int error = n < 0 && errno != EAGAIN ? errno : 0;
    journal_.finish();
    return error;
  }
  crash_point("log.consumed");
  auto staged = static_cast<std::size_t>(n);
  moved += staged;
  std::size_t done = 0;
  int error = splice_to_file(stage_[0], file.fd(), file.size(), staged, done);
  file.grew(done);
  if (done < staged) {
    held_ = staged - done;
    held_path_ = file.path();
    return error;
  }
  crash_point("log.written");
  journal_.finish();
  crash_point("log.closed");
  return 0;
}

int transfer::commit(int pipe, log_file& file, std::string_view text, std::size_t used) {
  if (held_ == 0)
    journal_.begin(journal::way::written, file.path(), file.inode(), file.size());
  crash_point("log.noted");
  std::size_t done = 0;
  while (done < text.size()) {
    auto at = static_cast<off_t>(file.size() + done);
    auto n = uninterrupted([&] { return ::pwrite(file.fd(), text.data() + done, text.size() - done, at); });
    if (n <= 0) {
      int error = n < 0 ? errno : ENOSPC;
      file.undo();
      if (held_ == 0)
        journal_.finish();
      return error;
    }
    done += static_cast<std::size_t>(n);
    crash_point("log.writing");
  }
  return finish(pipe, file, text.size(), used);
}

int transfer::finish(int pipe, log_file& file, std::size_t written, std::size_t used) {
  crash_point("log.written");
  file.grew(written);
  auto guarded = held_ == 0;
  std::size_t consumed = 0;
  while (consumed < used) {
    auto n = move_between_pipes(pipe, guarded ? stage_[1] : null_, used - consumed);
    if (n <= 0)
      break; // someone else reads the pipe
    consumed += static_cast<std::size_t>(n);
  }
  crash_point("log.consumed");
  if (guarded) {
    journal_.finish();
    crash_point("log.closed");
    empty(stage_[0], consumed);
  }
  return consumed == used ? 0 : EIO;
}

} // namespace duende::logs
