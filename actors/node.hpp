// The node: registry of names, entry point of API and library, owner of the root supervisor.
#pragma once

#include "actors/supervisor.hpp"
#include "policies/plan.hpp"

#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>

namespace duende {

struct apply_order {
  stack wanted;
  bool dry_run = false;
  trace_ptr trace = {}; ///< which operation this is part of
};

/// From a roll-out to the node: it is over, and what is to be done about that.
struct rolled_note {
  std::string group;
  std::function<void()> act;
};

struct rollout_order;
struct rollout_report;

using node_actor = caf::typed_actor<
  caf::replies_to<command>::with<daemon_status>, caf::replies_to<signal_atom, std::string, int>::with<daemon_status>,
  // (supervisor, order): a daemon of any kind
  caf::replies_to<add_atom, std::string, child_order_ptr>::with<daemon_status>,
  caf::replies_to<remove_atom, std::string>::with<daemon_status>,
  caf::replies_to<find_atom, std::string>::with<daemon_status>, caf::replies_to<snapshot_atom>::with<tree_snapshot>,
  caf::replies_to<spec_atom, std::string>::with<daemon_spec_ptr>,
  caf::replies_to<std::shared_ptr<apply_order>>::with<apply_plan>,
  // one instance's new configuration
  caf::replies_to<change_atom, std::string, change_order_ptr>::with<daemon_status>,
  // all instances one after another: which were replaced
  caf::replies_to<roll_atom, std::string>::with<std::vector<std::string>>,
  // (name, count): so many instances
  caf::replies_to<scale_atom, std::string, std::uint32_t>::with<apply_plan>, caf::reacts_to<rolled_note>,
  // a new supervisor for a running tree
  caf::replies_to<add_atom, supervisor_spec>::with<std::string>,
  // (supervisor, order)
  caf::reacts_to<add_atom, std::string, actor_inbox_ptr>,
  // from supervisors
  caf::reacts_to<supervisor_hello>, caf::reacts_to<milestone_note>,
  // orderly end of everything
  caf::reacts_to<shutdown_atom>>;

/// What a node begins with: the stack, and what was known of its daemons.
struct node_seed {
  stack present;
  std::shared_ptr<supervisor_seed> root;
};

/// The tree of seeds for a stack: below each supervisor its nested supervisors, then its daemons, in the order of the file.
std::shared_ptr<supervisor_seed> make_tree(const stack& from);
dependants_ptr dependants_of(const spec_list& daemons);

class node : public node_actor::base {
public:
  using super = node_actor::base;

  node(caf::actor_config& cfg, services_ptr with, std::shared_ptr<node_seed> seed);

  behavior_type make_behavior() override;
  void on_exit() override;
  const char* name() const override { return "duende.node"; }

private:
  template <class T>
  using reply = caf::result<T>;

  /// Of an answer that comes later. Where the node ends before that, who asked is told so.
  template <class T>
  std::function<void(caf::expected<T>)> owe() {
    auto promise = make_response_promise<T>();
    owed_[++last_owed_] = [promise]() mutable {
      promise.deliver(make_error(errc::wrong_state, "the node has stopped"));
    };
    return [this, promise, number = last_owed_](caf::expected<T> answer) mutable {
      if (owed_.erase(number) == 0)
        return;
      if (answer)
        promise.deliver(std::move(*answer));
      else
        promise.deliver(std::move(answer.error()));
    };
  }

  void begin_root(std::shared_ptr<supervisor_seed> seed);
  void root_ended(const caf::error& reason);
  supervisor_actor supervisor_of(const std::string& daemon);
  supervisor_actor supervisor_named(const std::string& name);
  supervisor_actor holder_of(const std::string& supervisor);
  caf::error unknown(const std::string& name) const;

  reply<daemon_status> add(const std::string& supervisor, const child_order_ptr& order);
  reply<daemon_status> remove(const std::string& name);
  reply<std::string> add_supervisor(const supervisor_spec& spec);
  reply<daemon_status> find_parked(const std::string& name);
  reply<tree_snapshot> snapshot();
  reply<apply_plan> apply(const apply_order& order);
  void
  carry_out(const apply_plan& plan, const stack& wanted, const trace_ptr& trace, std::function<void(caf::error)> done);
  std::vector<const daemon_spec*> instances_of(const std::string& group) const;
  caf::error unknown_group(const std::string& name) const;
  void roll(rollout_order order, std::function<void(std::shared_ptr<const rollout_report>)> done);
  caf::error failure_of(const std::string& group, const rollout_report& report) const;
  reply<std::vector<std::string>> roll_group(const std::string& name);
  void roll_changes(const std::map<std::string, daemon_spec_ptr>& wanted, std::function<void(caf::error)> done);
  reply<daemon_status> change(const std::string& name, const change_order_ptr& order);
  reply<apply_plan> scale(const std::string& name, std::uint32_t count);
  void when_present(const std::string& supervisor, std::function<void()> act);
  void broadcast(const milestone_note& note);
  void dependencies_changed();
  void write_stack();
  void shutdown();

  services_ptr with_;
  stack present_;
  std::shared_ptr<supervisor_seed> seed_;
  supervisor_actor root_;
  restart_window root_failures_;
  std::map<std::string, supervisor_actor> supervisors_;
  std::unordered_map<std::string, std::string> homes_; ///< daemon -> its supervisor
  std::unordered_map<std::string, milestone> board_;
  dependants_ptr dependants_;
  std::map<std::string, std::vector<std::function<void()>>> pending_; ///< until a supervisor says hello
  std::set<std::string> down_;                                        ///< supervisors that have ended
  std::set<std::string> rolling_;                                     ///< groups under a roll-out
  std::map<std::uint64_t, std::function<void()>> owed_;
  std::uint64_t last_owed_ = 0;
  bool stopping_ = false;
};

} // namespace duende

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::apply_plan)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::rolled_note)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<std::string>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(duende::daemon_spec_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::shared_ptr<duende::apply_order>)
