// What the time of each thread went to, and what holds the whole up.
#pragma once

#include "policies/trace.hpp"

namespace duende {

inline constexpr std::string_view path_computing = "computing", path_queueing = "waiting for a CPU",
                                  path_other = "other";

/// By the figures of the threads. `sites` tell where the bottleneck is called from.
critical_path find_path(const std::vector<traced_thread>& threads, const std::vector<call_site>& sites);

/// "store.c:42 (flush)" of the innermost frame outside of the C library that has a source line; without one "flush in /usr/bin/store";
/// empty where nothing is known.
std::string place_of(const std::vector<stack_frame>& stack);

} // namespace duende
