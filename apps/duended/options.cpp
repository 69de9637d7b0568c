#include "apps/duended/options.hpp"

#include <charconv>
#include <cstdlib>
#include <fcntl.h>
#include <string_view>

namespace duende {
namespace {

/// A number in the environment, taken out of it; `otherwise` where there is none.
int take_number(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  if (!text)
    return otherwise;
  int value = otherwise;
  std::string_view view{text};
  auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), value);
  if (error != std::errc{} || end != view.data() + view.size())
    value = otherwise;
  unsetenv(name);
  return value;
}

/// A text in the environment, taken out of it.
std::string take_text(const char* name) {
  const char* text = std::getenv(name);
  std::string result = text ? text : "";
  unsetenv(name);
  return result;
}

} // namespace

caf::expected<node_options> parse_node_options(int argc, char** argv) {
  node_options options;
  options.keeper_fd = take_number("DUENDE_KEEPER_FD", -1);
  options.ready_fd = take_number("DUENDE_READY_FD", -1);
  options.generation = static_cast<std::uint32_t>(take_number("DUENDE_GENERATION", 1));
  options.upgraded = take_number("DUENDE_UPGRADED", 0) != 0;
  options.upgrade_failure = take_text("DUENDE_UPGRADE_FAILED");
  options.state_dir = take_text("DUENDE_STATE_DIR");
  for (int fd : {options.keeper_fd, options.ready_fd})
    if (fd >= 0)
      fcntl(fd, F_SETFD, FD_CLOEXEC);
  for (int i = 1; i < argc; ++i) {
    std::string_view word{argv[i]};
    auto value = [&](std::string& into) {
      if (i + 1 < argc)
        into = argv[++i];
      return !into.empty();
    };
    bool fine = true;
    if (word == "--config")
      fine = value(options.config_file);
    else if (word == "--socket")
      fine = value(options.socket_path);
    else if (word == "--state-dir")
      fine = value(options.state_dir);
    else if (word == "--end-orphans")
      options.adopt_orphans = false;
    else if (word == "--version")
      options.version = true;
    else
      return fail(errc::invalid_config, "unknown argument '{}'", word);
    if (!fine)
      return fail(errc::invalid_config, "{} wants a value", word);
  }
  if (!options.version && options.config_file.empty())
    return make_error(errc::invalid_config, "--config FILE is missing; 'duende up' starts a node the easy way");
  if (!options.version && options.keeper_fd < 0)
    return make_error(errc::invalid_config, "a node is started by its keeper; 'duende up' does that");
  return options;
}

} // namespace duende
