#include "monitors/observer/observation.hpp"

#include <algorithm>
#include <cerrno>

namespace duende {

void observation::bind(const uuid& id, pid_t pid, std::uint64_t begun_by) {
  auto& slot = entries_[id];
  if (!slot) {
    slot = std::make_unique<entry>();
    slot->id = id;
    order_.push_back(slot.get());
  }
  auto& e = *slot;
  if (e.pid == pid && e.eye) // the same number: another process only if that one has ended
    if (process_sample probe; e.eye.look(probe))
      return;
  e.pid = pid;
  e.begun_by = begun_by;
  e.rebound = pid != 0;
  if (pid == 0) {
    close_eye(e);
    e.due = instant::max();
  } else if (e.interval > duration{}) {
    e.due = instant::min(); // the first look at a life is at its begin
  }
}

void observation::set_interval(const uuid& id, duration interval, instant now) {
  auto found = entries_.find(id);
  if (found == entries_.end() || found->second->interval == interval)
    return;
  auto& e = *found->second;
  const bool begins = e.interval == duration{};
  e.interval = interval;
  if (interval == duration{}) {
    close_eye(e);
    e.rebound = e.pid != 0; // should it be asked for again
    e.due = instant::max();
    return;
  }
  const auto wanted = std::clamp<std::size_t>(static_cast<std::size_t>(history_ / interval) + 2, 2, most_samples);
  if (e.samples.capacity() < wanted)
    e.samples.resize(wanted);
  if (e.pid == 0)
    return;
  if (begins)
    e.due = now;
  else
    plan(e, now);
}

void observation::forget(const uuid& id) {
  auto found = entries_.find(id);
  if (found == entries_.end())
    return;
  close_eye(*found->second);
  std::erase(order_, found->second.get());
  entries_.erase(found);
  next_ = 0;
}

bool observation::lives(const uuid& id) const {
  auto found = entries_.find(id);
  return found != entries_.end() && found->second->pid != 0;
}

duration observation::interval(const uuid& id) const {
  auto found = entries_.find(id);
  return found == entries_.end() ? duration{} : found->second->interval;
}

const ring<process_sample>* observation::samples(const uuid& id) const {
  auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second->samples;
}

std::optional<instant> observation::due() const {
  auto first = instant::max();
  for (const auto* e : order_)
    first = std::min(first, e->due);
  return first == instant::max() ? std::nullopt : std::optional{first};
}

void observation::open_eye(entry& e) {
  close_eye(e);
  const bool keep = open_ + process_eye::descriptors <= descriptors_;
  e.eye = process_eye::open(e.pid, e.begun_by, keep);
  if (e.eye) {
    e.rebound = false;
    open_ += e.eye.keeps_open() ? process_eye::descriptors : 1;
  } else if (errno == ESRCH || errno == ENOENT) {
    e.rebound = false;
    e.pid = 0;
  } // else there was no descriptor: the next look tries again
}

void observation::close_eye(entry& e) {
  if (e.eye)
    open_ -= e.eye.keeps_open() ? process_eye::descriptors : 1;
  e.eye = {};
}

/// The next multiple of the interval; what was missed is not made up for.
void observation::plan(entry& e, instant now) {
  const auto since = now.time_since_epoch();
  e.due = instant{(since / e.interval + 1) * e.interval};
}

bool observation::look(instant now, wall_time wall, std::size_t most, const sample_handler& on_sample) {
  std::size_t seen = 0;
  for (; seen < order_.size() && most > 0; ++seen) {
    if (next_ >= order_.size())
      next_ = 0;
    auto& e = *order_[next_++];
    if (e.due > now)
      continue;
    --most;
    if (e.rebound)
      open_eye(e);
    process_sample sample;
    if (e.eye && e.eye.look(sample)) {
      sample.at = now;
      sample.wall = wall;
      e.samples.push(sample);
      plan(e, now);
      if (on_sample)
        on_sample(e.id, e.samples);
    } else if (e.rebound) {
      plan(e, now);
    } else { // it has ended; a new life is told to `bind`
      close_eye(e);
      e.pid = 0;
      e.due = instant::max();
    }
  }
  return seen < order_.size() && due().value_or(instant::max()) <= now;
}

} // namespace duende
