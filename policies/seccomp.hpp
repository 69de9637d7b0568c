// Which system calls a daemon may make, as a program for the kernel (seccomp(2)).
#pragma once

#include "core/spec_policies.hpp"

#include <caf/expected.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace duende {

/// The program of a sandbox as struct sock_filter[]. The same lists give the same string: it is compiled once.
/// Thread-safe. Errors: unsupported, where libseccomp is missing; invalid_config, with the call that it can't take.
caf::expected<std::shared_ptr<const std::string>> seccomp_program(const sandbox_spec& box);

/// What "default" refuses. Whoever needs one of these has to say so by a list of their own.
const std::vector<std::string_view>& dangerous_calls();

} // namespace duende
