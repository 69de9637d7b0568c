#include "apps/duende/import/import.hpp"

#include "core/config/file.hpp"

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <utility>

namespace duende::porting {

surroundings this_machine() {
  char name[256] = {};
  gethostname(name, sizeof name - 1);
  return {
    config::read_file, config::expand_glob,
    [](const std::string& variable) -> std::optional<std::string> {
      const char* text = getenv(variable.c_str());
      return text != nullptr ? std::optional<std::string>{text} : std::nullopt;
    },
    name};
}

importer find_importer(std::string_view format) {
  constexpr auto all = std::to_array<std::pair<std::string_view, importer>>(
    {{"supervisord", import_supervisord},
     {"procfile", import_procfile},
     {"systemd", import_systemd},
     {"compose", import_compose}});
  for (auto [name, run] : all)
    if (name == format)
      return run;
  return nullptr;
}

} // namespace duende::porting
