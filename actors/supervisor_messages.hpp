// What the node asks of supervisors, and what the clock and changed files tell them.
#pragma once

#include "actors/child.hpp"
#include "actors/control.hpp"
#include "core/messages.hpp"
#include "core/trace_context.hpp"

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace duende {

struct command {
  verb what = verb::start;
  std::string name;
  bool wait = true;
  bool at_once = false; ///< kill instead of stop
  trace_ptr trace = {}; ///< which operation this is part of
};

struct tree_snapshot {
  std::vector<daemon_status> daemons;
  std::vector<supervisor_status> supervisors;
  std::uint64_t mailbox_max = 0; ///< messages that waited behind this question in the fullest mailbox
};

/// A new daemon for a running supervisor.
struct child_order {
  child_seed seed;
  bool watched = false;
  bool start = true;
  bool transient = false; ///< not part of the stack: gone with this node
  trace_ptr trace = {};   ///< which operation this is part of
};
using child_order_ptr = std::shared_ptr<child_order>;

/// How apply changes a daemon that runs.
struct change_order {
  daemon_spec_ptr spec;
  bool restart = false;
  bool watched = false;
  bool wait = false;   ///< answered once it runs again
  bool revive = false; ///< with `restart`: also where it gave up
  bool keep = false;   ///< for the node: part of the stack once it is made
  trace_ptr trace;     ///< which operation this is part of
};
using change_order_ptr = std::shared_ptr<change_order>;

/// The clock says that it is time, or that it was set.
struct due_note {
  std::string name;
  std::uint64_t generation = 0;
  bool due = false;
};

/// Files that a daemon's configuration names have changed.
struct files_note {
  std::string name, text;
};

/// A new in-process actor; a name that is taken is told of by an event.
struct actor_order {
  std::string name;
  actor_factory make;
};

/// Orders on their way to a supervisor: the first one is announced by a message, those that follow ride along.
struct actor_inbox {
  static constexpr std::size_t most = 100'000;
  enum class outcome : std::uint8_t { first, later, full };

  /// Waits up to `patience` where it is full. Thread-safe.
  outcome put(actor_order order, duration patience);
  std::vector<actor_order> take();

private:
  std::mutex mutex_;
  std::condition_variable taken_;
  std::vector<actor_order> orders_;
};
using actor_inbox_ptr = std::shared_ptr<actor_inbox>;

} // namespace duende

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::due_note)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::files_note)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::actor_inbox_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::supervisor_spec)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::daemon_status)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::tree_snapshot)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::child_order_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::change_order_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::dependants_ptr)
