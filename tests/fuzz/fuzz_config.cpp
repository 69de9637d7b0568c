// The configuration loader: any bytes give a stack or errors, and a stack that is accepted reads back from its own JSON equal.
#include "core/config/load.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace duende;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0)
    return 0;
  std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
  // These read files of the machine, which is neither fast nor reproducible.
  if (
    text.find("inc") != std::string_view::npos || text.find("env_f") != std::string_view::npos
    || text.find("\\u") != std::string_view::npos || text.find("\\U") != std::string_view::npos)
    return 0;
  if (data[0] % 3 == 2) {
    (void)load_daemon_json(text, "/nowhere");
    return 0;
  }
  auto format = data[0] % 3 == 0 ? config_format::toml : config_format::json;
  auto first = load_text(text, format, "input", "/nowhere");
  for (const auto& error : first.errors)
    if (to_string(error).empty())
      std::abort();
  if (!first.ok())
    return 0;
  auto second = load_text(stack_to_json(first.value), config_format::json, "again", "/elsewhere");
  if (
    !second.ok() || second.value.node != first.value.node || second.value.supervisors != first.value.supervisors
    || second.value.daemons != first.value.daemons)
    std::abort();
  return 0;
}
