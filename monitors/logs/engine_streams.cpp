// How a stream comes to the engine and leaves it, and where its lines and files end.
#include "monitors/logs/engine.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

namespace duende::logs {

void engine::detach(stream& x) {
  leave_queues(x);
  if (x.pipe < 0)
    return;
  if (x.watched)
    ::epoll_ctl(epoll_, EPOLL_CTL_DEL, x.pipe, nullptr); // others hold the pipe open, so closing would not do it
  x.watched = false;
  ++x.changes;
  ::close(x.pipe.exchange(-1));
  ++x.changes;
  x.retry_ms = 0;
}

void engine::attach(stream& x, int fd) {
  drain(x);
  detach(x);
  ++x.changes;
  x.pipe = fd;
  ++x.changes;
  auto capacity = ::fcntl(fd, F_GETPIPE_SZ);
  x.capacity = capacity > 0 ? static_cast<std::uint32_t>(capacity) : 65536;
  arm(x);
}

void engine::drain(stream& x) {
  if (x.pipe < 0 || transfer_.settle(x.file) != 0)
    return;
  for (auto left = waiting(x.pipe); left > 0;) {
    auto result = pump_once(x, left);
    if (result.error || result.moved == 0)
      return;
    left -= std::min(left, result.moved);
  }
}

/// The log thread may lose its CPU while it takes bytes.
constexpr duration patience = std::chrono::milliseconds{20};

std::optional<std::uint64_t> engine::written(const stream& x) {
  for (const auto end = monotonic_now() + patience; monotonic_now() < end;) {
    auto before = x.changes.load();
    int pipe = x.pipe;
    if (pipe < 0)
      return std::nullopt; // none, or not attached yet
    auto total = x.bytes.load() + waiting(pipe);
    if (before % 2 == 0 && x.changes.load() == before)
      return total;
    std::this_thread::yield();
  }
  return std::nullopt;
}

void engine::end_line(stream& x, std::optional<std::uint64_t> until) {
  if (!until)
    drain(x);
  else if (x.pipe >= 0 && transfer_.settle(x.file) == 0)
    while (x.bytes < *until) {
      auto result = pump_once(x, *until - x.bytes);
      if (result.error || result.moved == 0)
        return;
    }
  if (until ? x.bytes != *until : x.pipe >= 0 && waiting(x.pipe) > 0)
    return; // it can't be written now, or somebody has gone on writing: no line of theirs is torn
  finish_line(x);
  bool exists = x.file.fd() >= 0 || ::access(x.file.path().c_str(), F_OK) == 0;
  if (!exists || transfer_.settle(x.file) != 0 || x.file.ensure() != 0 || x.file.view().at_line_start)
    return;
  transfer_.commit(x.pipe, x.file, "\n", 0); // where it fails the line stays open, as it was
}

void engine::close(stream& x) {
  drain(x);
  detach(x);
  x.file.close();
}

void engine::rotate(stream& x) {
  if (transfer_.settle(x.file) != 0 || x.file.ensure() != 0 || x.file.size() == 0)
    return;
  if (x.file.rotate() == 0)
    x.rotations.fetch_add(1, std::memory_order_relaxed);
}

} // namespace duende::logs
