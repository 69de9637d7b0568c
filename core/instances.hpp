// Several daemons of one kind: `instances = 3` of "web" are web-1, web-2 and web-3.
#pragma once

#include "core/spec.hpp"

#include <string>
#include <vector>

namespace duende {

inline constexpr std::uint32_t max_instances = 1000;

/// The first to `count`-th instance of `base`, which may itself be an instance.
std::vector<daemon_spec> make_instances(const daemon_spec& base, std::uint32_t count);
/// One that helps out while others are replaced: <name>-surge, never started again by itself.
daemon_spec make_surge(const daemon_spec& instance);
/// What $DUENDE_INSTANCE says: the number behind the shared name; 0 for a surge and for what is no instance.
std::uint32_t instance_number(const daemon_spec& spec);
/// The name that the instances share, or the daemon's own.
const std::string& group_name(const daemon_spec& spec);

} // namespace duende
