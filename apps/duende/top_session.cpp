#include "apps/duende/top_session.hpp"

#include "apps/duende/show.hpp"
#include "apps/duende/top_text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <poll.h>
#include <signal.h>
#include <unistd.h>

namespace duende::cli {
namespace {

constexpr duration refresh = std::chrono::seconds{1};
constexpr int share = 10; ///< a look may take one part in so many of the time, up to
constexpr duration longest_pause = std::chrono::seconds{5};
constexpr duration message_time = std::chrono::seconds{6};
constexpr int escape_ms = 40;
constexpr std::size_t kept_log_lines = 5000;

} // namespace

void top_session::take_look(const top_look_at& look) {
  next_look_ = look.at - look.took + std::clamp(look.took * share, refresh, longest_pause);
  if (look.error) {
    view_.trouble = "trying again: " + harmless(sentence(look.error));
    return;
  }
  view_.trouble.clear();
  model_.take(look.node, look.tree, look.daemons, look.at);
  auto rows = model_.rows(view_.collapsed);
  if (!rows.empty() && (!view_.selected || std::find(rows.begin(), rows.end(), *view_.selected) == rows.end())) {
    auto first = std::find_if(rows.begin(), rows.end(), [](const top_row& row) { return !row.is_supervisor; });
    view_.selected = first == rows.end() ? rows.front() : *first;
  }
  if (feed_->lost()) // the node was away for longer than the feed waits
    feed_ = std::make_unique<node_feed>(socket_, to_rfc3339(wall_now()));
}

void top_session::take_events(const json& events) {
  for (const auto& event : events)
    model_.take_event(event);
}

void top_session::take_log() {
  auto news = log_->take();
  if (news.begins_anew)
    view_.log.clear();
  for (auto& line : news.lines)
    view_.log.push_back(std::move(line));
  if (view_.log_back > 0)
    view_.log_back += news.begins_anew ? 0 : news.lines.size();
  while (view_.log.size() > kept_log_lines)
    view_.log.pop_front();
  view_.log_trouble = news.trouble;
}

void top_session::measure() {
  auto [width, height] = screen::size();
  look_.width = std::min<std::size_t>(width, 1000);
  look_.height = std::min<std::size_t>(height, 500);
  screen_.forget();
}

void top_session::say(std::string text, bool is_bad) {
  view_.message = std::move(text);
  view_.message_is_bad = is_bad;
  message_until_ = monotonic_now() + message_time;
}

void top_session::suspend() {
  screen_.leave();
  raise(SIGSTOP);
  over_ = !screen_.enter();
  measure();
}

bool top_session::on_signal(int number) {
  switch (number) {
    case SIGWINCH: measure(); return true;
    case SIGTSTP: suspend(); return true;
    case SIGCONT: // stopped by somebody else: the shell has set the terminal to its liking
      screen_.leave();
      over_ = !screen_.enter();
      measure();
      return true;
    case 0: return true;
    default: ended_by_ = number; return false;
  }
}

int top_session::milliseconds_left() const {
  auto until = next_look_;
  if (!view_.message.empty())
    until = std::min(until, message_until_);
  auto left = std::chrono::ceil<std::chrono::milliseconds>(until - monotonic_now()).count();
  return static_cast<int>(std::clamp<long long>(left, 0, 3'600'000));
}

int top_session::run() {
  if (!screen_.enter())
    return SIGHUP;
  measure();
  bool looking = false;
  while (!over_ && draw_now()) {
    if (!looking && monotonic_now() >= next_look_)
      looking = sampler_.ask();
    std::array<pollfd, 6> waiting = {
      {{STDIN_FILENO, POLLIN, 0},
       {signals_.fd(), POLLIN, 0},
       {sampler_.fd(), POLLIN, 0},
       {actions_.fd(), POLLIN, 0},
       {feed_->lost() ? -1 : feed_->fd(), POLLIN, 0},
       {log_ ? log_->fd() : -1, POLLIN, 0}}};
    int timeout = looking ? (view_.message.empty() ? -1 : std::max(1, milliseconds_left())) : milliseconds_left();
    if (!input_.empty())
      timeout = escape_ms;
    if (poll(waiting.data(), waiting.size(), timeout) < 0 && errno != EINTR)
      break;
    if (waiting[1].revents != 0 && !on_signal(signals_.take()))
      break;
    if (waiting[2].revents != 0)
      if (auto look = sampler_.take()) {
        take_look(*look);
        looking = false;
      }
    if (waiting[3].revents != 0)
      for (auto& outcome : actions_.take())
        say(std::move(outcome.text), outcome.is_bad);
    if (waiting[4].revents != 0)
      take_events(json(feed_->take()));
    if (waiting[5].revents != 0)
      take_log();
    if (!view_.message.empty() && monotonic_now() >= message_until_)
      view_.message.clear();
    if ((waiting[0].revents & POLLIN) != 0) {
      std::array<char, 512> bytes;
      auto n = read(STDIN_FILENO, bytes.data(), bytes.size());
      if (n <= 0 && errno != EINTR && errno != EAGAIN)
        break;
      input_.append(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    } else if ((waiting[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) {
      break; // the terminal is gone
    }
    bool waited = waiting[0].revents == 0;
    for (auto press : take_keys(input_, waited))
      if (!over_)
        on_key(press);
  }
  screen_.leave();
  return ended_by_;
}

} // namespace duende::cli
