#include "apps/duende/commands.hpp"

namespace duende::cli {

int logs(const context&, const logs_options&) { return not_in_this_version("logs"); }

} // namespace duende::cli
