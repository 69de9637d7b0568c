// Starts that share the keeper's memory until their exec.
#include "apps/keeper/keeper.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

namespace duende::keeper {
namespace {

constexpr nanoseconds hanging_after = 20 * milliseconds;
constexpr nanoseconds longest_wait = milliseconds; ///< for a child that the machine does not let run

} // namespace

/// Before there are other descriptors, so that the numbers are low, and one after another, so that a child can close those of
/// others. Where they can't be had, children take copies of all.
void keeper::reserve_staged() {
  int next = std::max({settings_.ready_fd, settings_.adopt_fd, 2}) + 1; // nothing of ours lies among them
  for (auto& each : flights_) {
    int first = -1;
    for (int i = 0; i < flight::staged_count; ++i) {
      int fd = fcntl(null_, F_DUPFD_CLOEXEC, next);
      if (fd < 0 || (staged_end_ != 0 && fd != staged_end_)) {
        if (fd >= 0)
          close(fd);
        return;
      }
      if (staged_end_ == 0)
        staged_begin_ = fd;
      first = i == 0 ? fd : first;
      staged_end_ = next = fd + 1;
    }
    each.first_staged = first;
  }
}

/// A free flight; null where all are taken or the machine can't share.
flight* keeper::free_flight() {
  for (auto& each : flights_)
    if (!each.busy)
      return each.prepare() ? &each : nullptr;
  return nullptr;
}

/// All flights are taken by young starts: reading on would only make them slower. Old ones hang, say in a dead file
/// system: then new children get memory of their own.
bool keeper::crowded() {
  if (std::any_of(std::begin(flights_), std::end(flights_), [](auto& each) { return !each.busy; }))
    return false;
  auto now = monotonic();
  if (crowded_until_ == never && !hanging_)
    crowded_until_ = now + hanging_after;
  return !hanging_;
}

/// Puts what the child is given on low numbers. Where that fails it takes copies of everything, as after a fork.
void keeper::stage(flight& start) {
  if (start.first_staged < 0)
    return;
  auto plan = start.plan;
  int at = start.first_staged;
  for (int* given : {&plan.status, &plan.out, &plan.err, &plan.ready}) {
    if (*given >= 0) {
      if (dup3(*given, at, O_CLOEXEC) < 0)
        return clear_staged(start);
      *given = at;
    }
    ++at;
  }
  start.apart = 0;
  plan.apart = &start.apart;
  plan.first_staged = start.first_staged;
  start.plan = plan;
  start.staged = true;
}

/// As long as we hold a write end of the status pipe its end never comes. The others only keep a pipe of ours open.
void keeper::clear_staged(flight& start) {
  if (start.first_staged >= 0)
    dup3(null_, start.first_staged, O_CLOEXEC);
  start.staged = false;
}

/// Clears what was staged for children that have their own descriptors by now. Whether none is left.
bool keeper::children_apart() {
  bool all = true;
  for (auto& each : flights_) {
    if (each.staged && each.await_apart(0))
      clear_staged(each);
    all = all && !each.staged;
  }
  return all;
}

/// Nothing else to do: waits for the first child that has not left our table of descriptors yet, a moment.
void keeper::await_apart() {
  for (auto& each : flights_)
    if (each.staged) {
      each.await_apart(longest_wait);
      return;
    }
}

/// Its child has executed or ended: it uses our memory no more.
void keeper::land(slot& which) {
  if (which.flight == nullptr)
    return;
  if (which.flight->staged) // ended before it had descriptors of its own
    clear_staged(*which.flight);
  which.flight->busy = false;
  which.flight = nullptr;
  crowded_until_ = never;
  hanging_ = false;
}

} // namespace duende::keeper
