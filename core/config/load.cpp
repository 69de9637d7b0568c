#include "core/config/load.hpp"

#include "core/config/loader.hpp"

#include <exception>

namespace duende {
namespace {

/// Runs `read` on a loader. What the parsers throw, out of memory at the worst, ends here.
template <class F>
load_result guarded(std::string_view name, bool check_names, F&& read) {
  load_result result;
  try {
    config::loader loader;
    read(loader);
    return loader.finish(check_names);
  } catch (const std::exception& error) {
    result.errors.push_back({std::string{name}, 0, 0, fmt::format("cannot be read: {}", error.what())});
  }
  return result;
}

} // namespace

std::string to_string(const config_error& error) {
  if (error.line == 0)
    return fmt::format("{}: {}", error.file, error.message);
  return fmt::format("{}:{}:{}: {}", error.file, error.line, error.column, error.message);
}

load_result load_file(const std::string& path) {
  return guarded(path, true, [&](config::loader& loader) { loader.read_main_file(path); });
}

load_result
load_text(std::string_view text, config_format format, std::string_view file_name, const std::string& base_dir) {
  return guarded(
    file_name, true, [&](config::loader& loader) { loader.read_main_text(text, format, file_name, base_dir); });
}

load_result load_daemon_json(std::string_view json, const std::string& base_dir) {
  return guarded("daemon", false, [&](config::loader& loader) { loader.read_daemon_text(json, base_dir); });
}

} // namespace duende
