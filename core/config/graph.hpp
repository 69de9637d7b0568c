// Whether the names in a stack fit together: dependencies, supervisors, and the orders both imply.
#pragma once

#include "core/spec.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace duende {

/// One child of a supervisor.
struct child_ref {
  bool is_supervisor = false;
  std::size_t index = 0; ///< into stack::supervisors or stack::daemons
  bool operator==(const child_ref&) const = default;
};

/// The children of `supervisor` in start order: its supervisors in the order of the file, then its daemons likewise.
std::vector<child_ref> children_of(const stack& value, std::string_view supervisor);

struct graph_fault {
  child_ref who;
  bool at_dependency = false; ///< else at the name of the supervisor above, or at its own name
  std::size_t dependency = 0; ///< index into depends_on
  bool at_supervisor = false;
  std::string message; ///< "dependency cycle: 'a' needs 'b' needs 'a'"
};

/// Unknown dependencies, supervisors and parents, cycles of parents, and cycles of dependencies together with the order in
/// which one_for_all and rest_for_one supervisors start their children. Names must be unique. O(V + E) and no recursion.
std::vector<graph_fault> check_graph(const stack& value);

/// Parents before children, else in the order there is. Those of a cycle or without a parent go last.
void order_supervisors(std::vector<supervisor_spec>& supervisors);

} // namespace duende
