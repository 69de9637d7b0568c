// What `apply` would do: the difference between what runs and what is wanted, per daemon.
#pragma once

#include "core/spec.hpp"

#include <string>
#include <vector>

namespace duende {

enum class plan_action : std::uint8_t { add, change, remove };

struct plan_step {
  plan_action action = plan_action::add;
  bool is_supervisor = false;
  std::string name;
  std::vector<std::string> keys; ///< changed keys as in the configuration: "args", "restart.policy"
  bool restarts = false;         ///< a running daemon gets a new pid
};

struct apply_plan {
  std::vector<plan_step> steps; ///< removals last; in the order of the files
  std::size_t unchanged = 0;
};

/// Compares by name. A change of description, version, restart, autostart, shutdown_timeout, stop_signal, depends_on or
/// watchdog is adopted without a restart; everything else needs a new incarnation.
apply_plan make_plan(const stack& present, const stack& wanted);

/// One line: "~ db (args, env): restarts", "+ web", "- old".
std::string to_string(const plan_step& step);

} // namespace duende
