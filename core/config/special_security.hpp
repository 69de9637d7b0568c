// Keys of [daemon.security] whose values are more than one member, or names that are checked.
#pragma once

#include "core/config/rules.hpp"

namespace duende::config {

inline constexpr std::size_t max_sandbox_paths = 256;
inline constexpr std::size_t max_sandbox_calls = 512;

void set_capabilities(context& c, const rule& r, const value& v);
void set_seccomp(context& c, const rule& r, const value& v);
nlohmann::json get_seccomp(const rule& r, const void* object);
void set_optional(context& c, const rule& r, const value& v);

} // namespace duende::config
