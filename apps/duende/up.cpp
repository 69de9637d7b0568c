#include "apps/duende/commands.hpp"

namespace duende::cli {

int up(const context&, const up_options&) { return not_in_this_version("up"); }

} // namespace duende::cli
