#include "apps/duende/files.hpp"

#include "apps/duende/context.hpp"
#include "core/paths.hpp"

#include <unistd.h>

namespace duende::cli {

std::string absolute_file(const std::string& file) {
  std::string cwd(4096, '\0');
  if (file.starts_with('/') || getcwd(cwd.data(), cwd.size()) == nullptr)
    return file;
  cwd.resize(cwd.find('\0'));
  return absolute_path(cwd, file);
}

void print_config_errors(const std::vector<config_error>& errors) {
  for (const auto& error : errors)
    fmt::print(stderr, "{}\n", printable(to_string(error)));
}

} // namespace duende::cli
