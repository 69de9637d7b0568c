// Telling the node. What is to be told is a flag per slot, never a queue: a node that does not read costs nothing.
#include "apps/keeper/keeper.hpp"

#include <sys/epoll.h>

namespace duende::keeper {
namespace {

/// The descriptors of `mask`, lowest bit first; bits without a descriptor are taken off.
std::size_t collect(const slot& which, std::uint8_t& mask, int* fds) {
  const int all[] = {which.out, which.err, which.notify, which.ready};
  std::size_t count = 0;
  for (unsigned bit = 0; bit < 4; ++bit) {
    if ((mask >> bit & 1) == 0)
      continue;
    if (all[bit] < 0)
      mask &= static_cast<std::uint8_t>(~(1u << bit));
    else
      fds[count++] = all[bit];
  }
  return count;
}

} // namespace

void keeper::tell(slot& which, std::uint8_t what) {
  which.untold |= what;
  if (which.queued)
    return;
  which.queued = true;
  untold_.push_back(which.index);
}

void keeper::set_interest(std::uint32_t events) {
  if (interest_ == events)
    return;
  interest_ = events;
  epoll_event event{};
  event.events = events;
  event.data.u64 = std::uint64_t{static_cast<std::uint32_t>(tag::socket)} << 32;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, node_.socket, &event);
}

transfer keeper::send(std::string_view packet, const int* fds, std::size_t count) {
  auto result = send_packet(node_.socket, packet, fds, count);
  if (result == transfer::blocked || result == transfer::later) {
    blocked_ = true;
    if (result == transfer::later)
      retry_at_ = monotonic() + 10 * milliseconds;
    set_interest(result == transfer::later ? 0u : static_cast<std::uint32_t>(EPOLLOUT));
  }
  return result;
}

/// Sends at once, or keeps it: no further request is read until it has gone.
void keeper::reply(std::string packet) {
  if (node_.socket >= 0 && (blocked_ || send(packet) != transfer::done))
    replies_.push_back(std::move(packet));
}

/// All that is untold of one slot, in order.
transfer keeper::tell_one(slot& which) {
  int fds[protocol::max_descriptors];
  auto say = [&](std::uint8_t flag, std::size_t count) {
    auto result = send(out_, fds, count);
    if (result == transfer::done)
      which.untold &= static_cast<std::uint8_t>(~flag);
    return result;
  };
  auto result = transfer::done;
  auto wants = [&](std::uint8_t flag) { return result == transfer::done && (which.untold & flag) != 0; };
  auto& end = which.exit;
  end.id = which.id;
  end.incarnation = which.incarnation;
  end.pid = which.pid;
  if (wants(untold_held)) {
    if (which.phase == phase::orphan) {
      encode(out_, protocol::orphan{which.id, which.pid, which.start_time});
      return say(static_cast<std::uint8_t>(~0u), 0);
    }
    protocol::held entry;
    entry.process = end;
    entry.start_time = which.start_time;
    entry.running = which.has_process();
    entry.stopped = which.stopped;
    entry.record = which.record;
    entry.mask = 0xf;
    auto count = collect(which, entry.mask, fds);
    encode(out_, entry);
    // It says the end too, and the start unless that is still open.
    auto said = untold_held | untold_channels | untold_run | (which.phase == phase::running ? untold_spawned : 0)
                | (which.phase == phase::ended ? untold_spawned | untold_exit : 0);
    result = say(static_cast<std::uint8_t>(said), count);
    if (result == transfer::done)
      which.untold_mask = 0;
  }
  if (wants(untold_channels)) {
    protocol::channels entry{which.id, which.untold_mask};
    auto count = collect(which, entry.mask, fds);
    encode(out_, entry);
    result = say(untold_channels, count);
    if (result == transfer::done)
      which.untold_mask = 0;
  }
  if (wants(untold_spawned)) {
    encode(out_, protocol::spawned{which.id, which.incarnation, which.pid, which.start_time});
    result = say(untold_spawned, 0);
  }
  if (wants(untold_run)) {
    encode(out_, protocol::run_changed{which.id, which.incarnation, which.stopped});
    result = say(untold_run, 0);
  }
  if (wants(untold_exit)) {
    encode(out_, end);
    result = say(untold_exit, 0);
  }
  if (wants(untold_failure)) {
    encode(
      out_,
      protocol::spawn_failed{which.id, which.incarnation, which.failed_step, which.failed_error, which.failed_subject});
    result = say(untold_failure, 0);
  }
  return result;
}

void keeper::forget_untold() {
  for (auto index : untold_)
    if (auto* which = slots_[index].get(); which != nullptr)
      which->queued = false;
  untold_.clear(); // a node that comes asks for the list
}

void keeper::flush() {
  if (node_.socket < 0)
    return forget_untold();
  if (!blocked_)
    set_interest(crowded() ? 0u : static_cast<std::uint32_t>(EPOLLIN));
  while (!blocked_ && !replies_.empty()) {
    auto result = send(replies_.front());
    if (result == transfer::gone)
      replies_.clear();
    else if (result == transfer::done)
      replies_.erase(replies_.begin());
  }
  if (!node_.greeted)
    return forget_untold();
  std::size_t done = 0;
  while (!blocked_ && done < untold_.size()) {
    auto* which = slots_[untold_[done]].get();
    if (which != nullptr && which->queued && tell_one(*which) != transfer::done)
      break;
    if (which != nullptr)
      which->queued = false;
    ++done;
  }
  untold_.erase(untold_.begin(), untold_.begin() + static_cast<std::ptrdiff_t>(done));
  if (!blocked_ && untold_.empty() && listing_) {
    encode(out_, protocol::list_end{});
    listing_ = send(out_) != transfer::done && blocked_;
  }
}

} // namespace duende::keeper
