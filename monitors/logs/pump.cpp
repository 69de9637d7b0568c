#include "monitors/logs/pump.hpp"

#include "core/time.hpp"

#include <algorithm>
#include <cerrno>

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace duende::logs {

namespace {

/// Where a move can't be had: what one splice takes. With more it would hold the writer's pipe locked for too long.
constexpr std::size_t piece = 64 << 10;
/// How much of the end of a file is looked at for a line to end it with.
constexpr std::size_t edge = 64 << 10;
constexpr std::size_t look_limit = 256 << 10;
/// A stream that brings this much at once will bring more.
constexpr std::size_t bulk = 128 << 10;
/// Of text with time stamps: input that stays in the cache with its output.
constexpr std::size_t text_chunk = 256 << 10;
constexpr std::size_t text_capacity = 512 << 10;

bool hung_up(int pipe) {
  pollfd x{pipe, POLLIN, 0};
  return ::poll(&x, 1, 0) == 1 && (x.revents & (POLLHUP | POLLERR | POLLNVAL)) && !(x.revents & POLLIN);
}

struct step {
  std::size_t used = 0;
  bool full = false;
  int error = 0;
  bool dry = false; ///< there was no more
};

/// Bytes are seen, framed and written by us.
step copy(transfer& way, source& from, std::size_t want, listener* ear) {
  auto input = way.look(from.pipe, std::min(want, text_chunk));
  std::string stamp;
  if (from.file.where().timestamps)
    stamp = to_rfc3339(wall_now()) + ' ';
  auto& text = way.scratch_text();
  text.clear();
  auto [used, full] = frame_lines(input, stamp, from.file.view(), text_capacity, text);
  if (used >= text_chunk / 2)
    from.file.reserve();
  if (used > 0)
    if (int error = way.commit(from.pipe, from.file, text, used))
      return {0, false, error};
  if (ear)
    ear->taken(input.substr(0, used));
  return {used, full, 0};
}

bool can_move(const transfer& way, const source& from) { return from.spliced && way.can_move(); }

/// Bytes go from pipe to file; looked at only where lines matter: at the end of a file, or because someone listens.
step raw(transfer& way, source& from, std::size_t want, listener* ear) {
  step result;
  auto moves = can_move(way, from);
  want = std::min(want, moves ? transfer::chunk : piece);
  std::string_view input;
  if (!ear && !from.file.fits(want) && from.file.fits(2 * edge)) {
    want = std::min<std::size_t>(want, from.file.where().max_bytes - from.file.size() - edge);
  } else if (ear || !from.file.fits(want)) {
    want = std::min(want, look_limit);
    input = way.look(from.pipe, want);
    auto& text = way.scratch_text();
    text.clear();
    auto [used, full] = frame_lines(input, {}, from.file.view(), input.size(), text);
    want = used;
    result.full = full;
  }
  if (moves && from.bulk)
    from.file.reserve();
  if (want > 0)
    result.error =
      moves ? way.move(from.pipe, from.file, want, result.used) : way.splice(from.pipe, from.file, want, result.used);
  from.bulk = result.used >= bulk;
  from.spliced = from.spliced || result.used > 0;
  result.dry = result.used < want;
  if (result.dry)
    result.full = false;
  if (ear)
    ear->taken(input.substr(0, result.used));
  return result;
}

} // namespace

source::~source() {
  if (pipe >= 0)
    ::close(pipe);
}

std::size_t waiting(int pipe) {
  int count = 0;
  return ::ioctl(pipe, FIONREAD, &count) == 0 && count > 0 ? static_cast<std::size_t>(count) : 0;
}

turn pump(transfer& way, source& from, std::size_t budget, listener* ear) {
  turn result;
  if (int error = way.settle(from.file))
    return {0, false, error, "write"};
  // Asking for the size takes the pipe's lock, which a busy writer holds most of the time.
  auto asks = from.copies || from.file.where().timestamps || from.file.fd() < 0 || !can_move(way, from);
  auto left = asks ? waiting(from.pipe) : transfer::chunk;
  left = std::min(left, budget);
  if (left == 0) {
    result.ended = hung_up(from.pipe) && waiting(from.pipe) == 0;
    return result;
  }
  if (int error = from.file.ensure())
    return {0, false, error, "open"};
  while (left > 0 && result.moved < budget) {
    auto copies = from.file.where().timestamps || from.copies;
    auto [used, full, error, dry] = copies ? copy(way, from, left, ear) : raw(way, from, left, ear);
    result.moved += used;
    left -= std::min(left, used);
    from.bytes.fetch_add(used, std::memory_order_relaxed);
    if (error == EINVAL && !copies && !from.spliced) {
      from.copies = true;
      continue;
    }
    if (error)
      return {result.moved, false, error, "write"};
    if (full) {
      if (int failure = from.file.rotate())
        return {result.moved, false, failure, "rotate"};
      from.rotations.fetch_add(1, std::memory_order_relaxed);
      if (int failure = from.file.ensure())
        return {result.moved, false, failure, "open"};
    } else if (used == 0 || dry) {
      break;
    }
  }
  if (result.moved == 0)
    result.ended = hung_up(from.pipe) && waiting(from.pipe) == 0;
  return result;
}

} // namespace duende::logs
