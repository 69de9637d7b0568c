#include "monitors/history/impl.hpp"

#include <algorithm>
#include <system_error>

namespace duende {

follower::follower(
  std::shared_ptr<history::impl> from, std::int64_t after, std::function<bool(const std::vector<event>&)> call)
  : from_(std::move(from)), cursor_(after), call_(std::move(call)) {}

follower::~follower() {
  // The thread holds its follower, so this is its own last act, or it has been joined.
  if (thread_.joinable())
    thread_.detach();
}

bool follower::start(std::shared_ptr<follower> self) {
  std::lock_guard lock{joining_};
  try {
    thread_ = std::thread{[self = std::move(self)] { self->run(); }};
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

void follower::stop() {
  {
    std::lock_guard lock{from_->mutex};
    stop_ = true;
    wake_.notify_one();
  }
  if (id_ == std::this_thread::get_id())
    return;
  std::lock_guard lock{joining_};
  if (thread_.joinable())
    thread_.join();
}

void follower::run() {
  id_ = std::this_thread::get_id();
  name_thread("duende-follower");
  stand_back();
  for (auto batch = next(); !batch.empty(); batch = next())
    if (!call_(batch))
      break;
  call_ = nullptr; // what it holds may hold the token
  std::lock_guard lock{from_->mutex};
  ended_ = true;
}

void follower::tell_gap(std::vector<event>& batch, std::int64_t oldest) const {
  if (cursor_ == 0 || oldest <= cursor_ + 1)
    return;
  event e;
  e.id = oldest - 1;
  e.at = wall_now();
  e.kind = event_kind::limit;
  e.text = fmt::format("event ids {} to {} are no longer kept", cursor_ + 1, oldest - 1);
  from_->complete(e);
  batch.push_back(std::move(e));
}

void follower::read_memory(std::vector<event>& batch) {
  const auto& log = from_->log;
  auto at =
    std::upper_bound(log.begin(), log.end(), cursor_, [](std::int64_t id, const event& e) { return id < e.id; });
  for (; at != log.end() && at->id <= from_->published && batch.size() < page_limit; ++at) {
    batch.push_back(*at);
    from_->complete(batch.back());
    cursor_ = at->id;
  }
}

std::vector<event> follower::next() {
  auto& s = *from_;
  std::vector<event> batch;
  std::unique_lock lock{s.mutex};
  while (batch.empty()) {
    s.waiting.push_back(this);
    wake_.wait(lock, [&] { return stop_ || s.stopping || s.published > cursor_; });
    std::erase(s.waiting, this);
    if (stop_ || s.stopping)
      return {};
    const bool in_memory = !s.log.empty() && s.log.front().id <= cursor_ + 1;
    if (s.path.empty() || in_memory) {
      if (!in_memory)
        tell_gap(batch, s.log.front().id);
      read_memory(batch);
      continue;
    }
    // Up to where memory begins; what lies between there and the last one found was never given or is told of later.
    const auto until = s.log.empty() ? s.published : std::min(s.log.front().id - 1, s.published);
    lock.unlock();
    auto page = read_after(s.path, cursor_, until, page_limit);
    if (page) {
      tell_gap(batch, page->oldest == 0 ? until + 1 : std::min(page->oldest, until + 1));
      for (auto& e : page->events)
        s.complete(batch.emplace_back(std::move(e)));
      cursor_ = page->events.size() < page_limit ? until : page->events.back().id;
    } else {
      cursor_ = until;
      event e;
      e.id = until;
      e.at = wall_now();
      e.kind = event_kind::limit;
      e.text = sentence(page.error());
      s.complete(e);
      batch.push_back(std::move(e));
    }
    lock.lock();
  }
  return batch;
}

std::shared_ptr<void> history::follow(std::int64_t after_id, std::function<bool(const std::vector<event>&)> on_events) {
  std::shared_ptr<follower> made;
  {
    std::lock_guard lock{impl_->mutex};
    auto& all = impl_->followers;
    std::erase_if(all, [](const auto& weak) {
      auto f = weak.lock();
      return !f || f->ended();
    });
    if (all.size() >= follower_limit || impl_->stopping)
      return nullptr;
    // An id of another state directory: nothing of ours has been seen, and all that comes is new.
    const auto after = std::clamp<std::int64_t>(after_id, 0, impl_->next_id - 1);
    made = std::make_shared<follower>(impl_, after, std::move(on_events));
    all.push_back(made);
  }
  if (!made->start(made))
    return nullptr;
  return {made.get(), [made](void*) { made->stop(); }};
}

} // namespace duende
