#include "apps/duende/follow.hpp"

#include "core/time.hpp"

#include <algorithm>
#include <array>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

namespace duende::cli {
namespace {

bool important(const std::string& kind) {
  constexpr std::array quiet = {"starting", "running", "ready", "stop"};
  return std::find(quiet.begin(), quiet.end(), kind) == quiet.end();
}

/// Whether the folder was made after `began`: then all its lines are news.
bool is_newer(const std::string& dir, const std::string& began) {
  struct statx info {};
  if (statx(AT_FDCWD, dir.c_str(), 0, STATX_BTIME, &info) != 0)
    return errno == ENOENT;
  auto at = parse_rfc3339(began);
  return (info.stx_mask & STATX_BTIME) != 0 && at
         && info.stx_btime.tv_sec * 1000 + info.stx_btime.tv_nsec / 1'000'000 >= at->time_since_epoch().count();
}

} // namespace

follow_session::follow_session(const context& c, follow_options how)
  : context_(c), how_(how), began_(to_rfc3339(wall_now())), view_(how.view) {}

void follow_session::add(api::log_source source, std::optional<std::size_t> tail) {
  view_.widen(source.daemon);
  follower_.add(std::move(source), tail);
}

void follow_session::connect() {
  std::lock_guard lock{mutex_};
  feed_ = std::make_unique<node_feed>(context_.socket(), began_);
  connected_.raise();
}

void follow_session::stop() { stop_.raise(); }

void follow_session::take_in(const std::string& name) {
  client node{context_.socket()};
  auto daemon = node.send_json({.target = daemon_target(name)});
  if (!daemon || !daemon->contains("logs"))
    return;
  const auto& logs = (*daemon)["logs"];
  api::log_source source{name, text_of(logs, "dir"), logs.value("timestamps", true)};
  view_.widen(name);
  if (is_newer(source.dir, began_))
    follower_.add(std::move(source), std::nullopt);
  else
    follower_.add(std::move(source), 0);
}

void follow_session::on_event(const json& event) {
  auto kind = text_of(event, "kind"), daemon = text_of(event, "daemon");
  if (how_.take_newcomers && !daemon.empty() && (kind == "starting" || kind == "running") && !follower_.knows(daemon))
    take_in(daemon);
  if (how_.show_events && important(kind))
    view_.show_event(event);
}

bool follow_session::show_lines() {
  return follower_.pump([this](const api::log_lines& lines) {
    view_.show(lines);
    return true;
  });
}

bool follow_session::run() {
  std::array<pollfd, 4> waiting = {
    {{stop_.fd(), POLLIN, 0}, {follower_.fd(), POLLIN, 0}, {connected_.fd(), POLLIN, 0}, {-1, POLLIN, 0}}};
  node_feed* feed = nullptr;
  while (true) {
    if (feed != nullptr) {
      for (const auto& event : feed->take())
        on_event(event);
      if (feed->lost())
        return false;
    }
    show_lines();
    if (follower_.pending() && waiting[0].revents == 0) {
      poll(waiting.data(), 1, 0);
      continue;
    }
    if (waiting[0].revents != 0)
      break;
    poll(waiting.data(), waiting.size(), -1);
    if (waiting[2].revents != 0) {
      connected_.lower();
      std::lock_guard lock{mutex_};
      feed = feed_.get();
      waiting[3].fd = feed->fd();
    }
  }
  do
    show_lines();
  while (follower_.pending());
  return true;
}

} // namespace duende::cli
