#include "actors/supervisor.hpp"

#include <algorithm>

namespace duende {

supervisor::supervisor(
  caf::actor_config& cfg, services_ptr with, std::shared_ptr<supervisor_seed> seed, board_actor node,
  life_watcher parent)
  : super(cfg), with_(std::move(with)), node_(std::move(node)), parent_(std::move(parent)), spec_(seed->spec),
    dependants_(seed->dependants), restarts_(seed->restarts), escalations_(seed->escalations), seed_(std::move(seed)) {
  set_exception_handler([this](caf::scheduled_actor*, std::exception_ptr& what) -> caf::error { return failed(what); });
  set_down_handler([this](caf::down_msg& down) { on_down(down); });
  set_exit_handler([this](caf::exit_msg&) { begin_shutdown({}); });
}

supervisor::behavior_type supervisor::make_behavior() {
  send(node_, supervisor_hello{spec_.name, supervisor_actor{this}});
  auto seed = std::move(seed_);
  if (seed->failure) {
    take_over(seed->left, std::move(*seed->failure));
    return behavior();
  }
  shutting_down_ = seed->stopping;
  window_.restore(seed->recent);
  ended_ = shutting_down_; // not before all is known
  adopt_all(seed->children);
  ended_ = false;
  if (std::exchange(shutting_down_, false)) {
    for (auto& c : children_)
      if (c->kind == child_kind::supervisor)
        begin_life(*c); // what runs below it is stopped by nobody else
    stop_everything();
  }
  seed.reset();
  start_all();
  return behavior();
}

/// Lets go of those that hold this actor: the node, the parent, whoever was never answered (a promise holds its actor).
void supervisor::on_exit() {
  node_ = nullptr;
  parent_ = nullptr;
  by_name_.clear();
  children_.clear();
}

supervisor::behavior_type supervisor::behavior() {
  return {
    [this](const command& what) { return on_command(what); },
    [this](signal_atom, const std::string& name, int number) { return signal_child(name, number); },
    [this](add_atom, const child_order_ptr& order) { return add_child(order); },
    [this](remove_atom, const std::string& name) { return remove_child(name); },
    [this](change_atom, const std::string& name, const change_order_ptr& order) { return change_child(name, order); },
    [this](snapshot_atom) { return snapshot(); },
    [this](find_atom, const std::string& name) { return find_child(name); },
    [this](change_atom, const supervisor_spec& spec) { on_spec(spec); },
    [this](const actor_inbox_ptr& inbox) { add_actors(inbox->take()); },
    [this](const milestone_note& note) { on_milestone(note); },
    [this](const dependants_ptr& dependants) {
      dependants_ = dependants;
      for (auto& c : children_)
        c->watched = is_watched(*c);
    },
    [this](shutdown_atom) { begin_shutdown({}); },
    [this](shutdown_atom, everything_atom) { stop_everything(); },
    [this](const life_note& note) { on_life_note(note); },
    [this](start_atom, std::uint64_t timer) { on_timer(timer); },
    [this](const due_note& note) { on_due(note); },
    [this](const files_note& note) { on_files(note); }};
}

actor_inbox::outcome actor_inbox::put(actor_order order, duration patience) {
  std::unique_lock lock{mutex_};
  if (!taken_.wait_for(lock, patience, [&] { return orders_.size() < most; }))
    return outcome::full;
  orders_.push_back(std::move(order));
  return orders_.size() == 1 ? outcome::first : outcome::later;
}

std::vector<actor_order> actor_inbox::take() {
  std::lock_guard lock{mutex_};
  taken_.notify_all();
  return std::exchange(orders_, {});
}

child* supervisor::find(const std::string& name) {
  auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

bool supervisor::is_watched(const child& c) const {
  return (c.spec && !c.spec->depends_on.empty()) || (dependants_ && dependants_->contains(c.name));
}

std::uint64_t supervisor::set_timer(child& c, duration delay) {
  drop_timer(c);
  c.timer = next_timer_++;
  timers_.emplace(c.timer, &c);
  wake_after(delay, c.timer);
  return c.timer;
}

/// By the reactor's timers: CAF's clock wakes its thread for each delayed message.
void supervisor::wake_after(duration delay, std::uint64_t timer) {
  with_->after(delay, [to = address(), timer] {
    if (auto target = caf::actor_cast<caf::actor>(to))
      caf::anon_send(target, start_atom::value, timer);
  });
}

void supervisor::drop_timer(child& c) { timers_.erase(std::exchange(c.timer, 0)); }

void supervisor::on_timer(std::uint64_t timer) {
  if (timer == go_on_starting)
    return start_eligible();
  if (timer == regroup_timer_) {
    regroup_timer_ = 0;
    regroup_due();
    return;
  }
  auto found = timers_.find(timer);
  if (found == timers_.end())
    return; // overtaken by a command
  auto& c = *found->second;
  if (trial_lasted(c, timer))
    return;
  drop_timer(c);
  restart_later(c, {});
}

tree_snapshot supervisor::snapshot() {
  tree_snapshot result;
  result.mailbox_max = mailbox().size();
  auto now = monotonic_now();
  supervisor_status own;
  own.name = spec_.name;
  own.parent = is_root() ? "" : spec_.parent;
  own.strategy = spec_.strategy;
  own.intensity = spec_.intensity;
  own.state = shutting_down_ ? daemon_state::stopping : daemon_state::running;
  own.restarts = restarts_;
  own.escalations = escalations_;
  for (auto& c : children_) {
    own.children.push_back(c->name);
    if (c->kind != child_kind::supervisor)
      result.daemons.push_back(status_of(*c, spec_.name, now));
    else if (!c->alive())
      append_parked(result, *c, now);
  }
  result.supervisors.insert(result.supervisors.begin(), std::move(own));
  return result;
}

void supervisor::track(child& c, const caf::actor& life) {
  c.life = caf::actor_cast<caf::strong_actor_ptr>(life);
  alive_.emplace(life.id(), &c);
}

} // namespace duende
