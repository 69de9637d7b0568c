// apply: from the stack that runs to the one that is wanted, touching only what differs.
#include "actors/node.hpp"

#include "core/crash_point.hpp"
#include "core/instances.hpp"

#include <algorithm>

namespace duende {
namespace {

bool changes(const plan_step& step, std::string_view key) {
  return std::find(step.keys.begin(), step.keys.end(), key) != step.keys.end();
}

child_order_ptr order_for(const daemon_spec_ptr& spec, const trace_ptr& trace) {
  auto order = std::make_shared<child_order>();
  order->trace = trace;
  order->seed.spec = spec;
  order->seed.name = spec->name;
  order->seed.id = uuid::random();
  order->seed.desired = spec->autostart ? desired_state::up : desired_state::down;
  return order;
}

using groups = std::map<std::string, std::vector<std::string>>;

/// The changes that are made one instance after another: of groups with several, where a change needs a restart.
groups rolling_steps(const apply_plan& plan, const stack& before, const stack& wanted) {
  groups result;
  for (auto& step : plan.steps) {
    auto was = before.daemons.find(step.name);
    auto now = wanted.daemons.find(step.name);
    if (
      step.action == plan_action::change && !step.is_supervisor && step.restarts && !changes(step, "supervisor")
      && !now->instance_of.empty() && was->instance_of == now->instance_of)
      result[now->instance_of].push_back(step.name);
  }
  return result;
}

bool is_rolled(const groups& rolled, const std::string& name) {
  return std::any_of(rolled.begin(), rolled.end(), [&](auto& each) {
    return std::find(each.second.begin(), each.second.end(), name) != each.second.end();
  });
}

/// Calls `done` once, with the first error, when everything counted has come back.
struct countdown {
  std::size_t missing = 1;
  caf::error first;
  std::function<void(caf::error)> done;

  void arrived(const caf::error& error) {
    if (error && !first)
      first = error;
    if (--missing == 0)
      done(first);
  }
};

} // namespace

node::reply<apply_plan> node::apply(const apply_order& order) {
  if (stopping_)
    return make_error(errc::wrong_state, "cannot apply: the node stops");
  auto plan = make_plan(present_, order.wanted);
  if (order.dry_run)
    return plan;
  for (auto& step : plan.steps)
    if (auto spec = present_.daemons.find(step.name); spec && rolling_.contains(group_name(*spec)))
      return fail(errc::wrong_state, "cannot apply: '{}' is being rolled out", group_name(*spec));
  carry_out(plan, order.wanted, order.trace, [answer = owe<apply_plan>(), plan](const caf::error& error) {
    answer(error ? caf::expected<apply_plan>{error} : plan);
  });
  return caf::delegated<apply_plan>{};
}

void node::carry_out(
  const apply_plan& plan, const stack& wanted, const trace_ptr& trace, std::function<void(caf::error)> done) {
  auto all = std::make_shared<countdown>();
  all->done = std::move(done);
  auto arrived = [all](const daemon_status&) { all->arrived({}); };
  auto failed = [all](const caf::error& error) { all->arrived(error); };
  auto bound = std::chrono::minutes{10}; // stops have bounds of their own
  auto before = present_;
  auto kept_node = present_.node;
  auto rolled = rolling_steps(plan, before, wanted);
  present_ = wanted;
  present_.node = kept_node; // the node's own settings take effect at its next start
  present_.daemons.share_with(before.daemons);
  for (std::size_t i = 0; i < present_.daemons.size(); ++i)
    if (is_rolled(rolled, present_.daemons[i].name))
      present_.daemons.set(i, before.daemons.find(present_.daemons[i].name)); // until its turn has come
  write_stack();
  for (auto& step : plan.steps)
    if (step.is_supervisor && step.action == plan_action::add) {
      auto spec = std::find_if(
        wanted.supervisors.begin(), wanted.supervisors.end(), [&](auto& s) { return s.name == step.name; });
      auto child = std::make_shared<child_order>();
      child->seed.kind = child_kind::supervisor;
      child->seed.name = spec->name;
      child->seed.supervisor = std::make_shared<supervisor_seed>();
      child->seed.supervisor->spec = *spec;
      when_present(spec->parent, [this, child, parent = spec->parent] {
        caf::anon_send(supervisor_named(parent), add_atom::value, child);
      });
    } else if (step.is_supervisor && step.action == plan_action::change) {
      for (auto& spec : wanted.supervisors)
        if (auto to = spec.name == step.name ? holder_of(spec.name) : supervisor_actor{})
          send(to, change_atom::value, spec);
    }
  for (auto& [group, names] : rolled) {
    ++all->missing;
    std::map<std::string, daemon_spec_ptr> changes;
    for (auto& name : names)
      changes[name] = wanted.daemons.find(name);
    roll_changes(changes, [all](const caf::error& error) { all->arrived(error); });
  }
  for (auto& step : plan.steps) {
    if (step.is_supervisor || is_rolled(rolled, step.name))
      continue;
    auto was = before.daemons.find(step.name);
    auto now = wanted.daemons.find(step.name);
    bool moves = step.action == plan_action::change && changes(step, "supervisor");
    ++all->missing;
    auto add = [this, arrived, failed, bound, now, trace] {
      request(holder_of(now->supervisor), bound, add_atom::value, order_for(now, trace)).then(arrived, failed);
    };
    if (step.action == plan_action::add) {
      homes_[step.name] = now->supervisor;
      when_present(now->supervisor, add);
    } else if (step.action == plan_action::remove || moves) {
      auto from = holder_of(was->supervisor);
      if (moves) {
        homes_[step.name] = now->supervisor;
        request(from, bound, remove_atom::value, step.name)
          .then([this, add, to = now->supervisor](const daemon_status&) { when_present(to, add); }, failed);
      } else {
        homes_.erase(step.name);
        board_.erase(step.name);
        request(from, bound, remove_atom::value, step.name).then(arrived, failed);
      }
    } else {
      auto change = std::make_shared<change_order>();
      change->spec = now;
      change->restart = step.restarts;
      change->trace = trace;
      request(holder_of(now->supervisor), bound, change_atom::value, step.name, std::move(change))
        .then(arrived, failed);
    }
  }
  for (auto& step : plan.steps)
    if (step.is_supervisor && step.action == plan_action::remove) {
      for (auto& spec : before.supervisors)
        if (spec.name == step.name)
          if (auto parent = holder_of(spec.parent))
            caf::anon_send(parent, remove_atom::value, spec.name);
      supervisors_.erase(step.name);
    }
  dependencies_changed();
  with_->record(
    {.kind = event_kind::config, .text = fmt::format("configuration applied: {} changes", plan.steps.size())});
  all->arrived({});
}

/// Who knows the children of that supervisor: itself, or where it is down the nearest one above it that lives.
supervisor_actor node::holder_of(const std::string& supervisor) {
  auto name = supervisor;
  for (std::size_t depth = 0; depth <= present_.supervisors.size(); ++depth) {
    if (auto living = supervisor_named(name))
      return living;
    auto at = std::find_if(
      present_.supervisors.begin(), present_.supervisors.end(), [&](auto& spec) { return spec.name == name; });
    name = at == present_.supervisors.end() ? "root" : at->parent;
  }
  return root_;
}

/// Runs `act` now, or when the supervisor of that name has come up; where it went down, for who holds its children meanwhile.
void node::when_present(const std::string& supervisor, std::function<void()> act) {
  if (supervisor_named(supervisor) || down_.contains(supervisor))
    act();
  else
    pending_[supervisor].push_back(std::move(act));
}

} // namespace duende
