// The importers: any bytes give a file that the loader accepts, or errors with words.
#include "apps/duende/import/import.hpp"

#include "core/errc.hpp"

#include <cstdint>
#include <cstdlib>

using namespace duende;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 20'000)
    return 0;
  static const char* const formats[] = {"supervisord", "procfile", "systemd", "compose"};
  static const porting::surroundings nowhere{
    [](const std::string& path) -> caf::expected<std::string> {
      return fail(errc::io_failure, "cannot read '{}'", path);
    },
    [](const std::string&) { return std::vector<std::string>{}; },
    [](const std::string& name) { return name == "A" ? std::optional<std::string>{"a"} : std::nullopt; }, "host"};
  std::string text{reinterpret_cast<const char*>(data) + 1, size - 1};
  if (text.find("does not pass") != std::string::npos)
    return 0; // errors quote: the words below would be the input's own
  auto made = porting::find_importer(formats[data[0] % 4])({{"/nowhere/unit.service", text}}, nowhere);
  if (made.ok() != made.errors.empty() || (made.ok() && made.toml.empty()) || (!made.ok() && !made.toml.empty()))
    std::abort();
  for (const auto& error : made.errors)
    if (error.message.empty() || error.message.find("does not pass the check") != std::string::npos)
      std::abort();
  return 0;
}
