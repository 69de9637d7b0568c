// The words that actors exchange: every atom, and the one block of type ids for values that may cross nodes.
// What is particular to CAF 0.17 about messages stays in this file.
#pragma once

#include "core/exit_reason.hpp"
#include "core/state.hpp"
#include "core/uuid.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/atom.hpp>
#include <caf/type_id.hpp>

#include <string>

namespace duende {

/// A daemon has come that far (or fell back to `down`); those who depend on it are told.
struct milestone_note {
  std::string name;
  milestone reached = milestone::down;
};

template <class Inspector>
auto inspect(Inspector& f, milestone_note& x) {
  return f(x.name, x.reached);
}

using start_atom = caf::atom_constant<caf::atom("start")>;
using stop_atom = caf::atom_constant<caf::atom("stop")>;
using pause_atom = caf::atom_constant<caf::atom("pause")>;
using resume_atom = caf::atom_constant<caf::atom("resume")>;
using reload_atom = caf::atom_constant<caf::atom("reload")>;
using signal_atom = caf::atom_constant<caf::atom("signal")>;
using launch_atom = caf::atom_constant<caf::atom("launch")>;
using adopt_atom = caf::atom_constant<caf::atom("adopt")>;
using forget_atom = caf::atom_constant<caf::atom("forget")>;
using record_atom = caf::atom_constant<caf::atom("record")>;
using roll_atom = caf::atom_constant<caf::atom("roll")>;
using scale_atom = caf::atom_constant<caf::atom("scale")>;
using retain_atom = caf::atom_constant<caf::atom("retain")>;
using main_pid_atom = caf::atom_constant<caf::atom("mainpid")>;
using add_atom = caf::atom_constant<caf::atom("add")>;
using remove_atom = caf::atom_constant<caf::atom("remove")>;
using change_atom = caf::atom_constant<caf::atom("change")>;
using snapshot_atom = caf::atom_constant<caf::atom("snapshot")>;
using shutdown_atom = caf::atom_constant<caf::atom("shutdown")>;
using everything_atom = caf::atom_constant<caf::atom("everything")>;
using find_atom = caf::atom_constant<caf::atom("find")>;
using watched_atom = caf::atom_constant<caf::atom("watched")>;
using spec_atom = caf::atom_constant<caf::atom("spec")>;
using hello_atom = caf::atom_constant<caf::atom("hello")>;

} // namespace duende

CAF_BEGIN_TYPE_ID_BLOCK(duende, caf::first_custom_type_id)
CAF_ADD_TYPE_ID(duende, (duende::uuid))
CAF_ADD_TYPE_ID(duende, (duende::exit_cause))
CAF_ADD_TYPE_ID(duende, (duende::exit_reason))
CAF_ADD_TYPE_ID(duende, (duende::milestone))
CAF_ADD_TYPE_ID(duende, (duende::milestone_note))
CAF_END_TYPE_ID_BLOCK(duende)
