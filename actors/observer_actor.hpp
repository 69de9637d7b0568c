// What process_observer and its actor share. Private to observer*.cpp.
#pragma once

#include "actors/observer.hpp"
#include "core/messages.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_actor.hpp>

#include <unordered_map>

namespace duende {

struct process_observer::shared {
  settings how;
  timer after;
  std::size_t descriptors = 0;      ///< that may be kept open
  std::atomic<std::int64_t> wishes; ///< subscriptions, leases and questions under way
};

/// A daemon's process, as who sends it knows it.
struct life_told {
  uuid id;
  pid_t pid = 0;
  std::uint64_t begun_by = 0; ///< clock ticks since boot
  bool surely = false;        ///< from its supervisor; else it counts where nothing better is known
};

/// Somebody wants samples of a daemon: a subscriber with `fn`, until it lets go, or who asked for its history, for a while.
struct sample_wish {
  uuid id;
  duration interval{};
  instant until = instant::max();
  process_observer::on_sample fn;
  instant due = instant::min();
};
using sample_wish_ptr = std::shared_ptr<sample_wish>;

struct recent_samples {
  using answer = std::function<void(std::vector<process_sample>)>;
  recent_samples(const uuid& of, pid_t process, std::size_t count, answer to)
    : id(of), pid(process), most(count), fn(std::move(to)) {}
  recent_samples(const recent_samples&) = delete;
  recent_samples& operator=(const recent_samples&) = delete;
  ~recent_samples() { // an observer that has ended answers all the same
    if (fn)
      fn({});
  }

  uuid id;
  pid_t pid;
  std::size_t most;
  answer fn;
};

struct history_request {
  uuid id;
  history_query query;
};

struct observer_state {
  static constexpr const char* name = "duende.observer";

  std::shared_ptr<process_observer::shared> with;
  std::optional<observation> all;
  std::unordered_multimap<uuid, sample_wish_ptr> wishes;
  observation::sample_handler on_sample;
  std::uint64_t generation = 0; ///< a tick of an earlier one is stale
  instant armed_for = instant::max();
};

caf::behavior
proc_observer(caf::stateful_actor<observer_state>* self, const std::shared_ptr<process_observer::shared>& with);

} // namespace duende

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::life_told)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::sample_wish_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::shared_ptr<duende::recent_samples>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::shared_ptr<const duende::history_request>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::shared_ptr<duende::sample_history>)
