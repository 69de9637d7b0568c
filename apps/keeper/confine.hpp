// What a child does to itself where its daemon has a sandbox, in the order of these functions. As all of the child's side they
// make raw calls only; each failure is reported and ends the child.
#pragma once

#include "apps/keeper/child.hpp"

namespace duende::keeper {

/// Of one child, between the steps.
struct confinement_state {
  int ruleset = -1;           ///< landlock's
  bool memory_free = false;   ///< RLIMIT_MEMLOCK is infinite
  bool no_privileges = false; ///< PR_SET_NO_NEW_PRIVS is needed
};

/// While it may still do anything: the network, and the paths of landlock, which need not be open to its user.
void enter_network(const child_plan& plan);
void open_paths(const child_plan& plan, confinement_state& state);
/// Just ahead of the change of user: limits of capabilities, and what shall outlive that change.
void begin_capabilities(const child_plan& plan, confinement_state& state);
/// After it: what is kept of them.
void finish_capabilities(const child_plan& plan, confinement_state& state);
/// After no_new_privileges.
void restrict_files(const child_plan& plan, const confinement_state& state);
/// The last of all; then come only calls that every filter allows.
void filter_calls(const child_plan& plan);

/// What a child gives to the keeper on its way, with one descriptor.
struct child_notice {
  enum class kind : std::uint32_t {
    listener, ///< of its filter
    network,  ///< its namespace: the next life gets the same, to make one costs as much as all the rest of a start
  };
  std::uint32_t index = 0;
  std::int32_t pid = 0;
  kind what = kind::listener;
};
/// Returns as sendmsg(2) does, with a negative errno.
long send_notice(int socket, const child_notice& notice, int fd);

} // namespace duende::keeper
