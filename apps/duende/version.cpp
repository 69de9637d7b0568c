#include "apps/duende/commands.hpp"

namespace duende::cli {

int version(const context&) {
  fmt::print("duende {}\n", DUENDE_VERSION);
  return done;
}

} // namespace duende::cli
