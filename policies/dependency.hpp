// Who waits for whom: milestones, and orders that respect them.
#pragma once

#include "core/spec.hpp"

#include <caf/expected.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace duende {

/// Whether a daemon that has come to `reached` lets those go that wait until `until`. Completing counts as having been ready.
constexpr bool satisfied(milestone reached, milestone until) { return reached >= until; }

/// "waits for 'db' to be ready", "waits for 'db' to start", "waits for 'db' to complete".
std::string waiting_text(std::string_view name, milestone until);
/// All in one sentence: "waits for 'db' to be ready and 'migrate' to complete". Empty for none.
std::string waiting_text(std::span<const dependency> unmet);

/// A name and the names it needs.
struct dependency_node {
  std::string_view name;
  std::vector<std::string_view> needs; ///< names that no node has are ignored: who loads a file reports them
};

/// Indices into `nodes`, each after all it needs; where there is a choice the earlier in the file comes first. O((V + E) log V).
/// Errors: invalid_config "dependency cycle: 'a' needs 'b' needs 'a'".
caf::expected<std::vector<std::size_t>> start_order(std::span<const dependency_node> nodes);
caf::expected<std::vector<std::size_t>> start_order(std::span<const daemon_spec> daemons);
/// The reverse of the start order.
caf::expected<std::vector<std::size_t>> teardown_order(std::span<const daemon_spec> daemons);

} // namespace duende
