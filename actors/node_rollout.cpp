// Instances: replaced by roll-outs, and more or fewer of them.
#include "actors/rollout.hpp"

#include "core/instances.hpp"
#include "core/suggest.hpp"

#include <algorithm>
#include <set>

namespace duende {
namespace {

duration time_of(const std::vector<hook_command>& list, duration each) {
  duration all{};
  for (auto& command : list)
    all += command.timeout.value_or(each);
  return all;
}

/// The longest that one instance may take from its stop to being ready, with its hooks and some slack.
std::uint32_t patience_of(const daemon_spec& spec) {
  auto time = spec.shutdown_timeout + spec.ready.timeout + 10s;
  if (spec.hooks)
    for (auto* list : {&spec.hooks->pre_stop, &spec.hooks->post_stop, &spec.hooks->pre_start, &spec.hooks->post_start})
      time += time_of(*list, spec.hooks->timeout);
  return static_cast<std::uint32_t>(
    std::clamp<std::int64_t>(std::chrono::ceil<std::chrono::milliseconds>(time).count(), 1000, 24 * 3600 * 1000));
}

/// Whether ready means only that it was started: nothing is asked, or a socket that the keeper holds answers for it.
bool is_taken_on_trust(const daemon_spec& spec) {
  bool by_network = spec.ready.type == readiness_type::tcp || spec.ready.type == readiness_type::http;
  return spec.ready.type == readiness_type::none || (by_network && !spec.sockets.empty());
}

rollout_order order_of(const daemon_spec& first) {
  rollout_order order;
  order.settle = is_taken_on_trust(first) ? duration{1s} : duration{};
  order.group = group_name(first);
  order.max_unavailable = first.max_unavailable;
  order.patience_ms = patience_of(first);
  if (first.max_unavailable == 0)
    order.surge = std::make_shared<const daemon_spec>(make_surge(first));
  return order;
}

} // namespace

std::vector<const daemon_spec*> node::instances_of(const std::string& group) const {
  std::vector<const daemon_spec*> found;
  for (auto& spec : present_.daemons)
    if (group_name(spec) == group || spec.name == group)
      found.push_back(&spec);
  return found;
}

caf::error node::unknown_group(const std::string& name) const {
  std::set<std::string> known;
  for (auto& spec : present_.daemons)
    known.insert(group_name(spec));
  return fail(
    errc::not_found, "no daemon named '{}'{}", name,
    did_you_mean(name, std::vector<std::string>(known.begin(), known.end())));
}

/// Tells how a roll-out ended and lets the next one of that group begin.
void node::roll(rollout_order order, rollout_done done) {
  rolling_.insert(order.group);
  auto group = order.group;
  auto finished = [me = node_actor{this}, group, done = std::move(done)](rollout_report_ptr report) {
    caf::anon_send(me, rolled_note{group, [done, report] { done(report); }});
  };
  with_->record(
    {.kind = event_kind::config,
     .text = fmt::format("{}: replaces {} instances one after another", group, order.names.size())});
  spawn(rollout, with_, node_actor{this}, std::move(order), std::move(finished));
}

caf::error node::failure_of(const std::string& group, const rollout_report& report) const {
  return fail(
    errc::spawn_failed, "the roll-out of '{}' stops: '{}' did not get ready: {}; {} of its instances were replaced",
    group, report.failed, report.cause, report.replaced.size());
}

node::reply<std::vector<std::string>> node::roll_group(const std::string& name) {
  auto instances = instances_of(name);
  if (instances.empty())
    return unknown_group(name);
  if (stopping_)
    return fail(errc::wrong_state, "cannot restart '{}': the node stops", name);
  if (rolling_.contains(group_name(*instances.front())))
    return fail(errc::wrong_state, "'{}' is being rolled out already", name);
  auto order = order_of(*instances.front());
  for (auto* each : instances)
    order.names.push_back(each->name);
  auto group = order.group;
  roll(std::move(order), [this, answer = owe<std::vector<std::string>>(), group](rollout_report_ptr report) {
    if (report->failed.empty()) {
      answer(report->replaced);
    } else {
      auto error = failure_of(group, *report);
      with_->record({.kind = event_kind::config, .text = sentence(error)});
      answer(error);
    }
  });
  return caf::delegated<std::vector<std::string>>{};
}

/// The part of an apply that changes several instances. The stack names what each of them is at any time, so that nothing is
/// forgotten should the node die on the way: the next apply finds what is left to do.
void node::roll_changes(const std::map<std::string, daemon_spec_ptr>& wanted, std::function<void(caf::error)> done) {
  auto order = order_of(*wanted.begin()->second);
  for (auto& spec : present_.daemons)
    if (auto to = wanted.find(spec.name); to != wanted.end()) {
      order.names.push_back(spec.name);
      order.changes[spec.name] = to->second;
    }
  order.on_replaced = [me = node_actor{this}, this, changes = order.changes](const std::string& name) {
    caf::anon_send(me, rolled_note{{}, [this, name, to = changes.at(name)] {
                                     auto& daemons = present_.daemons;
                                     for (std::size_t i = 0; i < daemons.size(); ++i)
                                       if (daemons[i].name == name)
                                         daemons.set(i, to);
                                     dependencies_changed();
                                     write_stack();
                                   }});
  };
  auto group = order.group;
  auto names = order.names;
  roll(std::move(order), [this, group, names = std::move(names), done = std::move(done)](rollout_report_ptr report) {
    if (report->failed.empty())
      return done({});
    for (std::size_t i = 0; i < present_.daemons.size(); ++i) {
      auto& spec = present_.daemons[i];
      auto among = [&](auto& list) { return std::find(list.begin(), list.end(), spec.name) != list.end(); };
      if (!among(names) || among(report->replaced))
        continue;
      auto back = std::make_shared<change_order>();
      back->spec = present_.daemons.shared(i);
      back->restart = back->revive = spec.name == report->failed;
      if (auto to = supervisor_named(spec.supervisor))
        caf::anon_send(to, change_atom::value, spec.name, change_order_ptr{std::move(back)});
    }
    auto error = failure_of(group, *report);
    with_->record({.kind = event_kind::config, .text = sentence(error)});
    done(error);
  });
}

node::reply<apply_plan> node::scale(const std::string& name, std::uint32_t count) {
  auto instances = instances_of(name);
  if (instances.empty())
    return unknown_group(name);
  if (count == 0 || count > max_instances)
    return fail(errc::invalid_config, "'{}' can have 1 to {} instances; 'duende stop' stops it", name, max_instances);
  apply_order order{present_, false};
  auto group = group_name(*instances.front());
  auto made = make_instances(*instances.front(), count);
  if (count == 1 && instances.size() == 1)
    made.front() = *instances.front();
  auto& daemons = order.wanted.daemons;
  auto at = std::find_if(daemons.begin(), daemons.end(), [&](auto& spec) { return group_name(spec) == group; });
  auto position = at - daemons.begin();
  std::vector<std::string> old;
  for (auto* each : instances)
    old.push_back(each->name);
  daemons.erase_if([&](auto& spec) { return group_name(spec) == group; });
  for (auto i = made.rbegin(); i != made.rend(); ++i)
    daemons.insert(static_cast<std::size_t>(position), std::make_shared<const daemon_spec>(*i));
  auto is_old = [&](const dependency& each) { return std::find(old.begin(), old.end(), each.name) != old.end(); };
  for (std::size_t i = 0; i < daemons.size(); ++i) { // who depends on one of them depends on all of them
    auto& known = daemons[i].depends_on;
    auto first = std::find_if(known.begin(), known.end(), is_old);
    if (first == known.end())
      continue;
    auto until = first->until;
    auto& needed = daemons.edit(i).depends_on;
    std::erase_if(needed, is_old);
    for (auto& each : made)
      needed.push_back({each.name, until});
  }
  return apply(order);
}

} // namespace duende
