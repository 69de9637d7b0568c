#include "core/paths.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <vector>

#include <pwd.h>
#include <unistd.h>

namespace duende {
namespace {

/// The variable's value where it is an absolute path; the XDG specification has relative ones ignored.
std::string folder_from_environment(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && value[0] == '/' ? value : "";
}

std::string home_dir() {
  if (auto home = folder_from_environment("HOME"); !home.empty())
    return home;
  std::vector<char> buffer(16 * 1024);
  passwd entry{};
  passwd* found = nullptr;
  if (
    getpwuid_r(geteuid(), &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr
    && found->pw_dir != nullptr && found->pw_dir[0] == '/')
    return found->pw_dir;
  return fmt::format("/tmp/duende-{}", geteuid());
}

} // namespace

std::string default_run_dir(std::string_view node) {
  if (geteuid() == 0)
    return fmt::format("/run/duende/{}", node);
  if (auto base = folder_from_environment("XDG_RUNTIME_DIR"); !base.empty())
    return fmt::format("{}/duende/{}", base, node);
  return fmt::format("/tmp/duende-{}/{}", geteuid(), node);
}

std::string default_socket(std::string_view node) { return default_run_dir(node) + "/api.sock"; }

std::string default_state_dir(std::string_view node) {
  std::string base = "/var/lib/duende";
  if (geteuid() != 0) {
    auto state_home = folder_from_environment("XDG_STATE_HOME");
    base = (state_home.empty() ? home_dir() + "/.local/state" : state_home) + "/duende";
  }
  return node == "default" ? base : fmt::format("{}/{}", base, node);
}

std::string program_dir() {
  std::string path(4096, '\0');
  auto length = readlink("/proc/self/exe", path.data(), path.size());
  if (length <= 0 || static_cast<std::size_t>(length) == path.size())
    return ".";
  path.resize(static_cast<std::size_t>(length));
  auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

std::string absolute_path(std::string_view base, std::string_view path) {
  if (!path.empty() && path.front() == '/')
    return std::string{path};
  while (path.starts_with("./")) {
    path.remove_prefix(2);
    while (!path.empty() && path.front() == '/')
      path.remove_prefix(1);
  }
  if (path.empty() || path == ".")
    return std::string{base};
  return fmt::format("{}{}{}", base, base.ends_with('/') ? "" : "/", path);
}

} // namespace duende
