#include "actors/api/event_hub.hpp"

#include "actors/api/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <utility>

#include <sys/epoll.h>
#include <unistd.h>

namespace duende::api {
namespace {

/// What a restart tells comes within milliseconds: sent together it wakes each follower once, not four times.
constexpr auto gathering = std::chrono::milliseconds{20};
constexpr std::size_t frame_bytes = 64 * 1024;
/// A quarter of what is remembered: while it is sent as much may come, and a batch on top of that.
constexpr std::size_t max_fresh = event_hub::max_events / 4;
constexpr int wake_mark = -1, stop_mark = -2;

void watch_descriptor(int epoll, int operation, int fd, std::uint32_t events, int mark) {
  epoll_event wanted{events, {}};
  wanted.data.fd = mark;
  epoll_ctl(epoll, operation, fd, &wanted);
}

} // namespace

std::string as_message(const event& x) {
  auto text = fmt::format("id: {}\ndata: ", x.id);
  json_writer out{text};
  write_json(out, x);
  text += "\n\n";
  return text;
}

bool reaches(const event_query& filter, const event& x) {
  // What the history says of itself is of no daemon and no supervisor.
  return selects(filter, x) || (x.kind == event_kind::limit && x.daemon.empty() && x.supervisor.empty());
}

event_hub::event_hub(control& node, int stop_fd)
  : node_(node), stop_fd_(stop_fd), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  watch_descriptor(epoll_, EPOLL_CTL_ADD, memory_->wake.fd(), EPOLLIN, wake_mark);
  watch_descriptor(epoll_, EPOLL_CTL_ADD, stop_fd_, EPOLLIN, stop_mark);
}

event_hub::~event_hub() {
  std::shared_ptr<void> last;
  {
    std::lock_guard lock{memory_->mutex};
    last = std::move(subscription_);
    ++memory_->subscriptions;
    memory_->flushed.notify_all();
  }
  last.reset(); // without the lock: it waits for a call that may want it
  if (thread_.joinable())
    thread_.join();
  if (epoll_ >= 0)
    close(epoll_);
}

bool event_hub::begin(std::int64_t after) {
  if (!thread_.joinable())
    thread_ = std::thread{[this] { run(); }}; // by a thread of a connection, which has all signals blocked
  auto& own = *memory_;
  own.events.clear();
  own.bytes = 0;
  own.fresh = 0;
  own.covered_after = after;
  auto number = ++own.subscriptions;
  subscription_ = node_.follow_events(
    after, [to = memory_, number](const std::vector<event>& batch) { return to->remember(batch, number); });
  return subscription_ != nullptr;
}

bool event_hub::ready(std::int64_t last) {
  if (memory_->ended || epoll_ < 0 || memory_->wake.fd() < 0)
    return false;
  return subscription_ ? last >= memory_->covered_after : begin(last);
}

bool event_hub::prepare(std::int64_t last) {
  std::lock_guard lock{memory_->mutex};
  return ready(last);
}

bool event_hub::take(response_stream& stream, const event_query& filter, std::int64_t last) {
  auto& own = *memory_;
  std::lock_guard lock{own.mutex};
  if (!ready(last))
    return false;
  auto chunked = stream.chunked();
  own.incoming.push_back({stream.release(), chunked, filter, last, nullptr, 0, false});
  own.wake.raise();
  return true;
}

bool event_hub::memory::remember(const std::vector<event>& batch, std::uint64_t subscription) {
  std::unique_lock lock{mutex};
  flushed.wait_for(lock, std::chrono::seconds{1}, [&] { return fresh < max_fresh || subscription != subscriptions; });
  if (subscription != subscriptions)
    return false;
  fresh += batch.size();
  for (const auto& x : batch) {
    events.push_back({x, as_message(x)});
    bytes += events.back().text.size();
  }
  while (events.size() > max_events || bytes > max_bytes) {
    covered_after = events.front().what.id;
    bytes -= events.front().text.size();
    events.pop_front();
  }
  wake.raise();
  return true;
}

bool event_hub::memory::covers(std::int64_t last) {
  std::lock_guard lock{mutex};
  return last >= covered_after;
}

void event_hub::run() {
  std::array<epoll_event, 64> ready;
  bool due = false;
  instant next_flush = monotonic_now();
  while (true) {
    int patience = -1;
    if (due) {
      auto left = std::chrono::ceil<std::chrono::milliseconds>(next_flush - monotonic_now()).count();
      patience = static_cast<int>(std::clamp<long>(left, 0, gathering.count()));
    }
    int count = epoll_wait(epoll_, ready.data(), ready.size(), patience);
    if (count < 0 && errno != EINTR)
      break;
    for (const auto& each : std::span{ready}.first(static_cast<std::size_t>(std::max(count, 0)))) {
      if (each.data.fd == stop_mark)
        return end_all();
      if (each.data.fd == wake_mark) {
        memory_->wake.lower();
        due = true;
      } else if (!handle(each.data.fd, each.events)) {
        followers_.erase(each.data.fd); // closing takes it out of the epoll set
      }
    }
    if (due && monotonic_now() >= next_flush) {
      due = false;
      flush();
      next_flush = monotonic_now() + gathering;
    }
    if (followers_.empty())
      rest();
  }
  end_all();
}

/// What became of one follower's socket; false where it goes.
bool event_hub::handle(int fd, std::uint32_t events) {
  auto found = followers_.find(fd);
  if (found == followers_.end())
    return true;
  auto& who = found->second;
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
    return false;
  if ((events & EPOLLIN) != 0 && !who.peer->ignore_input())
    return false;
  if ((events & EPOLLOUT) == 0)
    return true;
  who.blocked = false;
  watch_descriptor(epoll_, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLRDHUP, fd);
  return advance(who);
}

/// Gives every follower what is new.
void event_hub::flush() {
  std::vector<follower> arrived;
  {
    std::lock_guard lock{memory_->mutex};
    arrived.swap(memory_->incoming);
    memory_->fresh = 0;
    memory_->flushed.notify_all();
  }
  for (auto& x : arrived) {
    int fd = x.peer->fd();
    followers_[fd] = std::move(x);
    watch_descriptor(epoll_, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLRDHUP, fd);
  }
  for (auto at = followers_.begin(); at != followers_.end();)
    at = advance(at->second) ? std::next(at) : followers_.erase(at);
  shared_ = {};
}

/// Cuts the next piece for one follower. False where an event that it needs is forgotten.
bool event_hub::next_piece(follower& to) {
  to.piece = nullptr;
  to.sent = 0;
  const auto& own = *memory_;
  std::lock_guard lock{memory_->mutex};
  if (to.last < own.covered_after)
    return false;
  bool plain = to.filter.daemons.empty() && to.filter.kinds == 0;
  if (plain && shared_.after == to.last && shared_.chunked == to.chunked) {
    to.piece = shared_.text;
    to.last = shared_.last;
    return true;
  }
  auto at = std::upper_bound(
    own.events.begin(), own.events.end(), to.last, [](std::int64_t id, const entry& x) { return id < x.what.id; });
  std::string text;
  auto after = to.last;
  for (; at != own.events.end() && text.size() < frame_bytes; ++at) {
    to.last = at->what.id;
    if (plain || reaches(to.filter, at->what))
      text += at->text;
  }
  if (text.empty())
    return true;
  if (to.chunked)
    text = fmt::format("{:x}\r\n{}\r\n", text.size(), text);
  to.piece = std::make_shared<const std::string>(std::move(text));
  if (plain)
    shared_ = {after, to.chunked, to.piece, to.last};
  return true;
}

/// Sends until there is nothing more or the peer has to read first. False where it goes.
bool event_hub::advance(follower& to) {
  if (to.blocked) // whoever has fallen too far behind is not waited for
    return memory_->covers(to.last);
  while (true) {
    if (!to.piece && !next_piece(to))
      return false;
    if (!to.piece)
      return true;
    std::string_view rest{*to.piece};
    rest.remove_prefix(to.sent);
    auto result = to.peer->send_some(rest);
    to.sent = to.piece->size() - rest.size();
    if (result == io_result::timed_out) {
      to.blocked = true;
      watch_descriptor(epoll_, EPOLL_CTL_MOD, to.peer->fd(), EPOLLIN | EPOLLOUT | EPOLLRDHUP, to.peer->fd());
      return true;
    }
    if (result != io_result::ok)
      return false;
    to.piece = nullptr;
  }
}

/// Nobody follows: the history keeps no thread for us, and nothing is remembered.
void event_hub::rest() {
  std::shared_ptr<void> last;
  {
    auto& own = *memory_;
    std::lock_guard lock{own.mutex};
    if (!own.incoming.empty())
      return;
    last = std::exchange(subscription_, nullptr);
    ++own.subscriptions;
    own.flushed.notify_all();
    own.events = {};
    own.bytes = 0;
  }
}

void event_hub::end_all() {
  {
    std::lock_guard lock{memory_->mutex};
    memory_->ended = true;
    for (auto& x : memory_->incoming) {
      auto fd = x.peer->fd();
      followers_[fd] = std::move(x);
    }
    memory_->incoming.clear();
  }
  for (auto& [fd, x] : followers_) {
    std::string_view end = "0\r\n\r\n";
    if (x.chunked && !x.piece)
      x.peer->send_some(end);
    x.peer->part();
  }
  followers_.clear();
}

} // namespace duende::api
