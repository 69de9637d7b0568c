// What must fit together in hooks, watch and schedule.
#include "core/config/loader.hpp"

namespace duende::config {

void loader::finish_life(context& c, const value& table, daemon_spec& spec) {
  if (const auto* watch = table.find("watch"); watch != nullptr && watch->type == kind::table)
    if (spec.watch && spec.watch->paths.empty() && watch->find("paths") == nullptr)
      c.error(watch->at, "'watch' without 'paths'");
  if (spec.watch && spec.watch->paths.empty())
    spec.watch = {}; // nothing to watch
  if (spec.limits && spec.limits->memory_swap_bytes != 0 && spec.limits->memory_swap_bytes < spec.limits->memory_bytes)
    if (const auto* resources = table.find("resources"))
      c.error(
        resources->find("memory_swap_bytes")->at,
        "'resources.memory_swap_bytes' counts memory and swap together: it can't be less than 'memory_bytes'");
  const auto* schedule = table.find("schedule");
  if (schedule == nullptr || schedule->type != kind::table)
    return;
  bool every = schedule->find("every") != nullptr, calendar = schedule->find("calendar") != nullptr;
  if (every && calendar)
    c.error(schedule->at, "'schedule.every' and 'schedule.calendar' exclude each other");
  else if (!every && !calendar && !schedule->members.empty())
    c.error(schedule->at, "'schedule' needs 'schedule.every' or 'schedule.calendar'");
  if (!spec.schedule)
    return;
  // Runs come by the clock: a failed one is retried only where that is written.
  const auto* restart = table.find("restart");
  const auto* policy = restart != nullptr ? restart->find("policy") : nullptr;
  if (policy == nullptr)
    spec.restart.kind = restart_kind::never;
  else if (spec.restart.kind == restart_kind::always || spec.restart.kind == restart_kind::unless_stopped)
    c.error(
      policy->at, "'restart.policy' = \"{}\" keeps a daemon alive, 'schedule' runs it to completion",
      to_string(spec.restart.kind));
}

} // namespace duende::config
