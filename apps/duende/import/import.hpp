// Files of other supervisors to a duende.toml. Pure but for what `surroundings` is asked; any thread.
#pragma once

#include "core/config/load.hpp"

#include <caf/expected.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace duende::porting {

/// What an importer may ask of the machine it runs on. Tests and fuzzers bring their own.
struct surroundings {
  std::function<caf::expected<std::string>(const std::string& path)> read; ///< bounded; regular files only
  std::function<std::vector<std::string>(const std::string& pattern)> glob;
  std::function<std::optional<std::string>(const std::string& name)> variable; ///< of the environment
  std::string host_name;
};
surroundings this_machine();

struct result {
  std::string toml;                 ///< passes the loader; empty where there are errors
  std::vector<config_error> errors; ///< "FILE:LINE:COL: what is wrong"
  bool ok() const { return errors.empty(); }
};

struct source_file {
  std::string path; ///< absolute
  std::string text;
};

/// What the files hold, none of them written anywhere. Only systemd's takes more than one; what a file includes is read.
using importer = result (*)(const std::vector<source_file>& files, const surroundings& around);

result import_supervisord(const std::vector<source_file>& files, const surroundings& around);
result import_procfile(const std::vector<source_file>& files, const surroundings& around);
result import_systemd(const std::vector<source_file>& files, const surroundings& around);
result import_compose(const std::vector<source_file>& files, const surroundings& around);

/// supervisord, procfile, systemd or compose; null for another word.
importer find_importer(std::string_view format);

/// Bounds of what is made of one file.
inline constexpr std::size_t max_imported_daemons = 10'000;
inline constexpr std::size_t max_import_errors = 100;

} // namespace duende::porting
