// A step that failed, in words for people.
#pragma once

#include "backends/native/steps.hpp"

#include <string>

namespace duende {

/// "cannot enter working_dir '/nope': No such file or directory". Looks at the file where exec failed, to name the real cause.
std::string describe_failure(protocol::step step, int error, std::string_view subject);

} // namespace duende
