#include "monitors/logs/reader.hpp"

#include "monitors/logs/cursor.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <climits>
#include <deque>
#include <limits>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

namespace duende {

namespace {

constexpr std::size_t batch = 1 << 20;
constexpr std::size_t stamp_size = 24; // 2026-01-31T12:00:00.123Z
constexpr std::uint32_t file_events =
  IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
constexpr std::uint32_t folder_events = IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

log_line parse(log_stream stream, std::string_view text, bool timestamps) {
  log_line result{stream, {}, std::nullopt};
  if (timestamps && text.size() > stamp_size && text[stamp_size] == ' ') {
    result.at = parse_rfc3339(text.substr(0, stamp_size));
    if (result.at)
      text.remove_prefix(stamp_size + 1);
  }
  result.text = text;
  return result;
}

/// By time where there is one; a line without belongs to the one before it.
template <class Lines>
std::vector<log_line> merged(Lines& out, Lines& err) {
  std::vector<log_line> result;
  result.reserve(out.size() + err.size());
  wall_time out_time{}, err_time{};
  auto a = out.begin();
  auto b = err.begin();
  while (a != out.end() || b != err.end()) {
    if (a != out.end())
      out_time = a->at.value_or(out_time);
    if (b != err.end())
      err_time = b->at.value_or(err_time);
    if (b == err.end() || (a != out.end() && out_time <= err_time))
      result.push_back(std::move(*a++));
    else
      result.push_back(std::move(*b++));
  }
  return result;
}

} // namespace

struct log_reader::impl {
  impl(std::string where, bool stamped, bool one)
    : dir(std::move(where)), timestamps(stamped), single(one), out(dir, log_stream::out), err(dir, log_stream::err),
      notify(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)), wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      either(::epoll_create1(EPOLL_CLOEXEC)) {
    for (int fd : {notify, wake}) {
      epoll_event event{};
      event.events = EPOLLIN;
      ::epoll_ctl(either, EPOLL_CTL_ADD, fd, &event);
    }
    ensure_watch();
  }

  ~impl() {
    for (int fd : {notify, wake, either})
      if (fd >= 0)
        ::close(fd);
  }

  /// Watches the folder, or while there is none the deepest of its parents that exists.
  void ensure_watch() {
    for (int attempt = 0; attempt < 3 && watched != dir; ++attempt) {
      auto path = dir;
      int watch = ::inotify_add_watch(notify, path.c_str(), file_events);
      while (watch < 0 && path.size() > 1) {
        path.resize(std::max<std::size_t>(path.find_last_of('/') == std::string::npos ? 1 : path.find_last_of('/'), 1));
        watch = ::inotify_add_watch(notify, path.c_str(), folder_events);
      }
      if (watch != current_watch && current_watch >= 0)
        ::inotify_rm_watch(notify, current_watch);
      current_watch = watch;
      watched = path;
    }
  }

  void take_events() {
    alignas(inotify_event) std::array<char, 16 << 10> buffer;
    for (;;) {
      auto n = ::read(notify, buffer.data(), buffer.size());
      if (n <= 0)
        break;
      for (auto* at = buffer.data(); at < buffer.data() + n;) {
        auto* event = reinterpret_cast<inotify_event*>(at);
        auto gone = (event->mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF)) != 0;
        if (gone && event->wd == current_watch) {
          if (event->mask & IN_MOVE_SELF)
            ::inotify_rm_watch(notify, current_watch);
          current_watch = -1;
          watched.clear();
        }
        at += sizeof(inotify_event) + event->len;
      }
    }
    ensure_watch();
  }

  void look_again() { ::eventfd_write(wake, 1); }

  std::string dir;
  bool timestamps, single;
  logs::cursor out, err;
  int notify, wake, either;
  int current_watch = -1;
  std::string watched; ///< the path that is watched
  std::atomic<bool> cancelled = false;
};

log_reader::log_reader(std::string dir, bool timestamps, bool merged)
  : impl_(std::make_unique<impl>(std::move(dir), timestamps, merged)) {}

log_reader::~log_reader() = default;
log_reader::log_reader(log_reader&&) noexcept = default;

std::vector<log_line> log_reader::tail(std::size_t count, std::optional<wall_time> since) {
  auto limit = count == 0 ? std::numeric_limits<std::size_t>::max() : count;
  auto last = [&](logs::cursor& from, log_stream stream) {
    std::deque<log_line> lines;
    auto keep = !since;
    auto left = from.seek_back(limit);
    while (left > 0) {
      auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(left, batch));
      auto more = from.read(piece, [&](std::string_view text) {
        auto line = parse(stream, text, impl_->timestamps);
        keep = line.at && since ? *line.at >= *since : keep;
        if (!keep)
          return;
        lines.push_back(std::move(line));
        if (lines.size() > limit)
          lines.pop_front();
      });
      left -= piece;
      if (!more)
        break;
    }
    return lines;
  };
  auto out = last(impl_->out, log_stream::out);
  auto err = impl_->single ? std::deque<log_line>{} : last(impl_->err, log_stream::err);
  auto result = merged(out, err);
  if (result.size() > limit)
    result.erase(result.begin(), result.end() - static_cast<std::ptrdiff_t>(limit));
  impl_->look_again(); // lines may have come while we read
  return result;
}

void log_reader::skip_to_end() {
  impl_->out.seek_back(0);
  if (!impl_->single)
    impl_->err.seek_back(0);
  impl_->look_again();
}

bool log_reader::next(std::vector<log_line>& lines, duration timeout) {
  auto deadline = monotonic_now() + timeout;
  for (;;) {
    eventfd_t ignored;
    if (!impl_->cancelled)
      ::eventfd_read(impl_->wake, &ignored);
    if (impl_->cancelled) {
      impl_->look_again(); // stays readable
      return false;
    }
    impl_->take_events(); // before reading, so that what comes later wakes us
    std::vector<log_line> out, err;
    auto more = impl_->out.read(
      batch, [&](std::string_view text) { out.push_back(parse(log_stream::out, text, impl_->timestamps)); });
    if (!impl_->single)
      more |= impl_->err.read(
        batch, [&](std::string_view text) { err.push_back(parse(log_stream::err, text, impl_->timestamps)); });
    if (more)
      impl_->look_again();
    if (!out.empty() || !err.empty()) {
      auto both = merged(out, err);
      lines.insert(lines.end(), std::make_move_iterator(both.begin()), std::make_move_iterator(both.end()));
      return true;
    }
    auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - monotonic_now()).count();
    if (left <= 0)
      return true;
    pollfd ready{impl_->either, POLLIN, 0};
    ::poll(&ready, 1, static_cast<int>(std::min<std::int64_t>(left, INT_MAX)));
  }
}

int log_reader::wait_fd() const { return impl_->either; }

void log_reader::cancel() {
  impl_->cancelled = true;
  impl_->look_again();
}

} // namespace duende
