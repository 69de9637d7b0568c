// Health, and lines that are stopped.
#include "actors/health_checker.hpp"
#include "actors/supervisor.hpp"

#include <fmt/ranges.h>

#include <algorithm>

namespace duende {
namespace {

constexpr std::size_t max_broken_rules = 64; ///< counted one by one

void count(child_guard& guard, const violation& broken) {
  auto& known = guard.counters.violations;
  auto kind = to_string(broken.kind);
  auto found =
    std::find_if(known.begin(), known.end(), [&](const auto& x) { return x.gate == broken.rule && x.kind == kind; });
  if (found == known.end() && known.size() < max_broken_rules)
    found = known.insert(known.end(), {broken.rule, std::string{kind}, 0});
  if (found != known.end())
    ++found->count;
}

} // namespace

policy_counters counters_of(const child_guard& guard) {
  auto result = guard.counters;
  if (guard.checks)
    guard.checks->add_to(result);
  return result;
}

child_guard& supervisor::guard_of(child& c) {
  auto& guard = c.detail().guard;
  if (!guard)
    guard = std::make_unique<child_guard>();
  return *guard;
}

/// Null where nothing is checked.
std::shared_ptr<check_recorder> supervisor::recorder_of(child& c) {
  if (!c.spec->health)
    return nullptr;
  auto& guard = guard_of(c);
  if (!guard.checks)
    guard.checks = std::make_shared<check_recorder>();
  return guard.checks;
}

/// What it is before anybody has asked.
health_state supervisor::first_health(const child& c) {
  return c.spec && c.spec->health && c.spec->health->type != health_type::notify ? health_state::unknown
                                                                                 : health_state::healthy;
}

void supervisor::health_changed(child& c, const life_note& note) {
  if (std::exchange(c.health, note.health) != note.health)
    trace_health(c);
  if (!note.text.empty())
    record_event(c, event_kind::health, note.text);
}

/// An alert: what follows of it is the daemon's affair, or that of its gates and checks.
void supervisor::alert(child& c, const life_note& note) {
  auto& guard = guard_of(c);
  guard.told_memory = guard.told_memory || note.key != "pids_max";
  count(guard, {violation_kind::limit, note.key, {}, {}});
  record_event(c, event_kind::limit, note.text);
}

/// A person starts what has stopped the line.
void supervisor::acknowledge(child& c) {
  if (c.state == daemon_state::failed && c.more && c.more->last && c.more->last->reason.cause == exit_cause::policy)
    record_event(c, event_kind::policy, "the stopped line is acknowledged: starts again");
}

/// Where any abnormal end stops it.
bool supervisor::stops_line_at_first(child& c, const life_end& end) {
  if (
    !c.spec || !c.spec->jidoka || !c.spec->jidoka->stop_on_first || end.asked
    || is_success(c.spec->restart, end.reason))
    return false;
  stop_line(
    c, {{violation_kind::first_end, "stop_on_first", to_string(end.reason),
         fmt::format("see its last words: duende status {}", c.name)}});
  return true;
}

/// Not a crash: nothing restarts until a person says so.
void supervisor::stop_line(child& c, const violations& broken) {
  auto& guard = guard_of(c);
  for (auto& each : broken) {
    count(guard, each);
    record_event(
      c, event_kind::policy, fmt::format("violates {} '{}': {}", to_string(each.kind), each.rule, each.evidence));
  }
  c.desired = desired_state::down;
  c.streak = 0;
  drop_schedule(c);
  auto why = summary(broken);
  c.detail().status_text = "line stopped: " + why;
  gave_up_ = why;
  std::string text = fmt::format("line stopped: {}", why);
  for (auto& each : broken)
    if (!each.recommendation.empty())
      text += "; " + each.recommendation;
  if (dependants_)
    if (auto held = dependants_->find(c.name); held != dependants_->end())
      text += fmt::format("; held meanwhile: {}", fmt::join(held->second, ", "));
  record_event(
    c, event_kind::andon, fmt::format("{}; 'duende start {}' acknowledges and tries again", text, c.name),
    exit_cause::policy);
  settle(c, daemon_state::failed);
  run_give_up_hooks(c, why);
  announce_if_ready();
}

} // namespace duende
