// The actor behind process_observer: whose samples are wanted how often, and when to look next.
#include "actors/observer_actor.hpp"

#include <caf/send.hpp>

#include <algorithm>

namespace duende {
namespace {

using observer_ptr = caf::stateful_actor<observer_state>*;
using tick_atom = caf::atom_constant<caf::atom("tick")>;

/// So many processes at once; then others have their turn.
constexpr std::size_t looks_at_once = 32;

/// The shortest interval that anybody wants; wishes that are over go.
void decide_interval(observer_state& state, const uuid& id, instant now) {
  auto shortest = state.with->how.interval;
  auto [first, last] = state.wishes.equal_range(id);
  while (first != last) {
    const auto& wish = *first->second;
    if (wish.until <= now) {
      first = state.wishes.erase(first);
      --state.with->wishes;
      continue;
    }
    if (shortest == duration{} || wish.interval < shortest)
      shortest = wish.interval;
    ++first;
  }
  if (shortest > duration{})
    state.all->set_interval(id, shortest, now);
  else
    state.all->forget(id); // nobody asks any more, and who does later wants newer ones
}

/// Tells subscribers. Samples fall on multiples of the interval, so one that comes a little early is one that is due.
void publish(observer_state& state, const uuid& id, const ring<process_sample>& samples) {
  auto [first, last] = state.wishes.equal_range(id);
  const auto& now = samples.back();
  const auto* before = samples.size() > 1 ? &samples[samples.size() - 2] : nullptr;
  if (before != nullptr && !before->same_process(now))
    before = nullptr;
  for (; first != last; ++first) {
    auto& wish = *first->second;
    if (!wish.fn || now.at < wish.due)
      continue;
    wish.due = now.at + wish.interval - wish.interval / 8;
    wish.fn(now, before);
  }
}

void drop_old_leases(observer_state& state, instant now) {
  std::vector<uuid> over;
  for (auto& [id, wish] : state.wishes)
    if (wish->until <= now)
      over.push_back(id);
  for (auto& id : over)
    decide_interval(state, id, now);
}

void arm(observer_ptr self) {
  auto& state = self->state;
  const auto due = state.all->due();
  if (!due || *due >= state.armed_for)
    return; // the tick that is on its way looks after it
  state.armed_for = *due;
  const auto now = monotonic_now();
  state.with->after(*due > now ? *due - now : duration{}, [to = self->address(), generation = ++state.generation] {
    if (auto target = caf::actor_cast<caf::actor>(to))
      caf::anon_send(target, tick_atom::value, generation);
  });
}

void look(observer_ptr self) {
  auto& state = self->state;
  const auto now = monotonic_now();
  drop_old_leases(state, now);
  state.all->look(now, wall_now(), looks_at_once, state.on_sample);
  arm(self);
}

void keep_lease(observer_state& state, const uuid& id, duration interval, instant now) {
  auto [first, last] = state.wishes.equal_range(id);
  for (; first != last; ++first)
    if (auto& wish = *first->second; !wish.fn) {
      wish.interval = interval;
      wish.until = now + process_observer::lease_time;
      return;
    }
  auto lease = std::make_shared<sample_wish>();
  lease->id = id;
  lease->interval = interval;
  lease->until = now + process_observer::lease_time;
  ++state.with->wishes;
  state.wishes.emplace(id, std::move(lease));
}

std::shared_ptr<sample_history> answer(observer_ptr self, const history_request& request) {
  using namespace std::chrono_literals;
  auto& state = self->state;
  const auto now = monotonic_now();
  const auto& query = request.query;
  const auto current = state.all->interval(request.id);
  if (query.interval > duration{} || state.with->how.interval == duration{})
    keep_lease(
      state, request.id,
      query.interval > duration{} ? std::max(query.interval, process_observer::shortest_interval)
      : current > duration{}      ? current
                                  : 1s,
      now);
  decide_interval(state, request.id, now);
  while (state.all->due().value_or(instant::max()) <= now) // the first sample is part of the first answer
    state.all->look(now, wall_now(), looks_at_once, state.on_sample);
  arm(self);
  auto result = std::make_shared<sample_history>();
  result->interval = state.all->interval(request.id);
  const auto* samples = state.all->samples(request.id);
  if (samples == nullptr)
    return result;
  const auto begin = samples->first_where([&](const process_sample& s) { return s.at >= now - query.last; });
  result->samples.reserve(samples->size() - begin);
  for (auto i = begin; i < samples->size(); ++i)
    result->samples.push_back((*samples)[i]);
  if (begin > 0 && begin <= samples->size())
    result->before = (*samples)[begin - 1];
  return result;
}

void answer(observer_state& state, recent_samples& request) {
  std::vector<process_sample> result;
  if (const auto* samples = state.all->samples(request.id))
    for (auto i = samples->size(); i > 0 && result.size() < request.most; --i) {
      if ((*samples)[i - 1].pid == request.pid)
        result.push_back((*samples)[i - 1]);
      else if (!result.empty())
        break; // what is older is of an earlier life
    }
  std::reverse(result.begin(), result.end());
  std::exchange(request.fn, nullptr)(std::move(result));
}

} // namespace

caf::behavior proc_observer(observer_ptr self, const std::shared_ptr<process_observer::shared>& with) {
  auto& state = self->state;
  state.with = with;
  state.all.emplace(with->how.history, with->descriptors);
  state.on_sample = [&state](const uuid& id, const ring<process_sample>& samples) {
    if (!state.wishes.empty())
      publish(state, id, samples);
  };
  return {
    [=](const life_told& life) {
      auto& all = *self->state.all;
      if (!life.surely && (life.pid == 0 || all.lives(life.id)))
        return;
      if (life.pid == 0 && !all.knows(life.id))
        return;
      all.bind(life.id, life.pid, life.begun_by);
      if (!life.surely)
        return; // what is wanted of it comes next
      decide_interval(self->state, life.id, monotonic_now());
      arm(self);
    },
    [=](forget_atom, const uuid& id) { self->state.all->forget(id); },
    [=](const sample_wish_ptr& wish) {
      self->state.wishes.emplace(wish->id, wish);
      decide_interval(self->state, wish->id, monotonic_now());
      arm(self);
    },
    [=](remove_atom, const sample_wish_ptr& wish) {
      wish->until = instant::min();
      decide_interval(self->state, wish->id, monotonic_now());
    },
    [=](const std::shared_ptr<recent_samples>& request) { answer(self->state, *request); },
    [=](const std::shared_ptr<const history_request>& request) { return answer(self, *request); },
    [=](tick_atom, std::uint64_t generation) {
      if (generation != self->state.generation)
        return;
      self->state.armed_for = instant::max();
      look(self);
    }};
}

} // namespace duende
