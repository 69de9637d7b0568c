// duende import: another supervisor's file to a duende.toml on stdout. All of it or nothing.
#include "apps/duende/import/import.hpp"
#include "apps/duende/commands.hpp"
#include "apps/duende/files.hpp"

#include <cstdio>

namespace duende::cli {

int import_file(const context&, const std::string& format, const std::vector<std::string>& files) {
  auto run = porting::find_importer(format);
  if (run == nullptr)
    return usage(fmt::format("import: '{}' is not supervisord, procfile, systemd or compose", printable(format)));
  if (files.size() > 1 && format != "systemd")
    return usage(fmt::format("import: {} takes one FILE", format));
  auto around = porting::this_machine();
  std::vector<porting::source_file> sources;
  for (const auto& file : files) {
    auto path = absolute_file(file);
    auto text = around.read(path);
    if (!text) {
      report(fmt::format("cannot import '{}'", file), text.error());
      return usage_error;
    }
    sources.push_back({std::move(path), std::move(*text)});
  }
  auto made = run(sources, around);
  print_config_errors(made.errors);
  if (!made.ok())
    return usage_error;
  if (std::fwrite(made.toml.data(), 1, made.toml.size(), stdout) != made.toml.size() || std::fflush(stdout) != 0) {
    print_error("cannot write the result to the standard output");
    return failed;
  }
  return done;
}

} // namespace duende::cli
