#include "apps/keeper/options.hpp"

#include <fcntl.h>

#include <cstdlib>
#include <cstring>
#include <string_view>

namespace duende::keeper {
namespace {

bool read_descriptor(const char* text, int& out) {
  char* end = nullptr;
  long value = strtol(text, &end, 10);
  out = static_cast<int>(value);
  return end != text && *end == '\0' && value >= 3 && value < 1 << 20 && fcntl(out, F_GETFD) >= 0;
}

} // namespace

bool parse_options(int argc, char** argv, options& out, std::string& error) {
  int i = 1;
  for (; i < argc; ++i) {
    std::string_view name = argv[i];
    if (name == "--") {
      ++i;
      break;
    }
    if (name == "--version") {
      out.version = true;
      return true;
    }
    bool known = name == "--state-dir" || name == "--run-dir" || name == "--ready-fd" || name == "--adopt-fd";
    if (!known || i + 1 == argc) {
      error = (known ? "a value is missing after '" : "unknown option '") + std::string{name} + "'";
      return false;
    }
    const char* value = argv[++i];
    if (name == "--state-dir")
      out.state_dir = value;
    else if (name == "--run-dir")
      out.run_dir = value;
    else if (!read_descriptor(value, name == "--ready-fd" ? out.ready_fd : out.adopt_fd)) {
      error = std::string{name} + ": '" + value + "' is not an open descriptor from 3 on";
      return false;
    }
  }
  for (; i < argc; ++i)
    out.node.push_back(argv[i]);
  if (out.state_dir.empty())
    error = "--state-dir is missing";
  else if (out.node.empty() && out.adopt_fd < 0)
    error = "the node's program is missing after '--'";
  else if (!out.node.empty() && out.adopt_fd >= 0)
    error = "--adopt-fd and a node's program exclude each other";
  out.node.push_back(nullptr);
  return error.empty();
}

} // namespace duende::keeper
