// The supervision kernel on a platform that misbehaves on request, in virtual time and on one thread: CAF's test scheduler,
// a backend that starts nothing, and timers that fire when a test says so.
#pragma once

#include "actors/node.hpp"
#include "backends/backend_actor.hpp"
#include "monitors/history/store.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace duende::test {

/// How a daemon behaves. By default it starts at once and ends by its stop signal.
struct manners {
  std::string fails;          ///< not empty: launches fail with this sentence
  bool launches_late = false; ///< launched only when launch_now() is called
  bool ignores_stop = false;  ///< ends by SIGKILL alone
  bool deaf = false;          ///< takes orders and does nothing
  std::optional<int> exits;   ///< ends right after its launch with this wait status
};

inline int exit_code(int code) { return code << 8; }

/// The platform and the services of a node.
class scripted_platform {
public:
  scripted_platform();
  ~scripted_platform();

  /// Runs until no actor has anything to do, or for so many messages.
  void run(int steps = -1);
  /// Lets time pass, timers fire in order.
  void advance(duration time);

  bool alive(const std::string& name) const { return living.contains(name); }
  /// The process ends, with a status as wait(2) gives it.
  void exit(const std::string& name, int status);
  void launch_now(const std::string& name);
  /// READY=1 and other words of sd_notify(3).
  void notify(const std::string& name, notify_message what);
  void ready(const std::string& name);
  /// Somebody else stops or continues it.
  void set_stopped(const std::string& name, bool stopped);
  /// How often it was launched.
  int launches(const std::string& name) const;
  /// Everything since the last call, one word and a name each: "launch a", "TERM a", "KILL a".
  std::string done();
  /// The last incarnation that was launched.
  caf::actor life(const std::string& name) { return lives.at(name); }
  /// A process of an earlier node.
  held_child hold(const std::string& name, std::uint32_t incarnation, bool ready, intent wanted);
  /// Events in words, one a line.
  std::string events();

  struct process {
    uuid id;
    std::uint32_t incarnation = 0;
    pid_t pid = 0;
    launch_listener listener;
    bool launched = false, stopped = false;
    int pending = 0; ///< a signal that waits for its continuation
    instant started_at{};
  };

  std::map<std::string, manners> of;
  std::map<std::string, process> living;
  std::map<uuid, std::string> names;
  std::map<std::string, caf::actor> lives;
  std::map<std::string, std::string> records; ///< as the keeper would hold them
  std::vector<std::string> log;
  int timers_fail = 0;  ///< so many of the next timers throw where they are set
  bool doubled = false; ///< two processes of one daemon lived at once
  instant now = monotonic_now();
  caf::actor_system_config config;
  std::unique_ptr<history> store;
  std::unique_ptr<caf::actor_system> system;
  services_ptr with;

private:
  backend_actor::behavior_type backend(backend_actor::pointer self);
  void launch(const launch_request& request, const launch_listener& to);
  void began(const std::string& name);
  void signal(const uuid& id, std::uint32_t incarnation, int number);

  caf::scheduler::test_coordinator* scheduler_ = nullptr;
  std::multimap<instant, std::function<void()>> timers_;
  backend_actor backend_;
  pid_t next_pid_ = 1000;
};

/// What came back for a request.
struct answer {
  int count = 0;
  std::optional<caf::expected<daemon_status>> value;
  bool ok() const { return count == 1 && value->engaged(); }
  /// The state or the error in words; "waits" where nothing came yet.
  std::string text() const;
};
using answer_ptr = std::shared_ptr<answer>;

daemon_spec daemon_named(const std::string& name, const std::string& supervisor = "root");
/// One that is ready when it says so.
daemon_spec notifying(const std::string& name, const std::string& supervisor = "root");
/// With that policy, without jitter.
daemon_spec with_policy(daemon_spec spec, restart_policy policy);
supervisor_spec group(const std::string& name, strategy how, intensity_limit intensity = {100, 60s});
stack one(daemon_spec spec = notifying("d"));
/// a, b and c under the supervisor g, each ready when it says so.
stack three(strategy how, intensity_limit intensity = {100, 60s});

/// A whole node with its tree.
class scripted_node : public scripted_platform {
public:
  explicit scripted_node(const stack& wanted, const std::function<void(node_seed&)>& prepare = {});
  ~scripted_node();

  /// Asks and runs.
  answer_ptr act(verb what, const std::string& name, bool wait = true);
  answer_ptr start(const std::string& name) { return act(verb::start, name); }
  answer_ptr stop(const std::string& name) { return act(verb::stop, name); }
  answer_ptr restart(const std::string& name) { return act(verb::restart, name); }
  answer_ptr remove(const std::string& name);
  answer_ptr add(const daemon_spec& spec);
  /// In-process actors, by the batch.
  void add_actors(const std::vector<std::string>& names, actor_factory make, const std::string& supervisor = "root");
  /// One that takes commands by its name.
  answer_ptr add_actor(const std::string& name, actor_factory make, const std::string& supervisor = "root");
  /// "applied", the error in words, or "waits" where it goes on.
  std::shared_ptr<std::string> apply(const stack& wanted);
  /// Asks without running; what is asked so is under way at once.
  answer_ptr ask(command what);
  daemon_status status(const std::string& name);
  /// "running", "backoff", ...
  std::string state(const std::string& name);
  tree_snapshot snapshot();
  /// The process ends, and what follows has happened.
  void crash(const std::string& name, int status = exit_code(1));
  void shutdown();
  bool ended() const { return *ended_; }

  node_actor node;

private:
  std::shared_ptr<bool> ended_ = std::make_shared<bool>(false);
};

/// The three say READY=1.
void all_ready(scripted_node& n);

} // namespace duende::test
