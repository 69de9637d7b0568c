#include "monitors/crashes/core_file.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

namespace duende {
namespace {

std::string small_file(const char* path) {
  char text[512];
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return {};
  const auto size = ::read(fd, text, sizeof text);
  ::close(fd);
  std::string_view found{text, size > 0 ? static_cast<std::size_t>(size) : 0};
  return std::string{found.substr(0, found.find('\n'))};
}

/// What is known of the name, with '*' for what only the kernel knew (time, thread's name, user, host, ...); for glob(3).
struct expanded {
  std::string glob, shown;
  bool has_pid = false;
};

expanded expand(const core_facts& facts, std::string_view pattern) {
  expanded result;
  auto literal = [&](std::string_view text) {
    for (char c : text) {
      if (std::string_view{"*?[]\\"}.find(c) != std::string_view::npos)
        result.glob += '\\';
      result.glob += c;
    }
    result.shown += text;
  };
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%') {
      literal(pattern.substr(i, 1));
      continue;
    }
    if (++i == pattern.size())
      break; // a single % at the end is dropped
    switch (pattern[i]) {
      case '%': literal("%"); break;
      case 'p':
        literal(std::to_string(facts.pid));
        result.has_pid = true;
        break;
      case 's': literal(std::to_string(facts.signal)); break;
      default: result.glob += '*'; result.shown += '*';
    }
  }
  return result;
}

/// The newest regular file that matches and was written since then.
std::string newest(const std::string& pattern, wall_time since) {
  glob_t found{};
  std::string best;
  timespec best_time{};
  if (::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found) == 0)
    for (std::size_t i = 0; i < std::min<std::size_t>(found.gl_pathc, 1000); ++i) {
      struct stat info {};
      const auto& time = info.st_mtim;
      if (::stat(found.gl_pathv[i], &info) != 0 || !S_ISREG(info.st_mode))
        continue;
      if (time.tv_sec + 1 < since.time_since_epoch().count() / 1000)
        continue;
      if (
        best.empty() || time.tv_sec > best_time.tv_sec
        || (time.tv_sec == best_time.tv_sec && time.tv_nsec > best_time.tv_nsec)) {
        best = found.gl_pathv[i];
        best_time = time;
      }
    }
  ::globfree(&found);
  return best;
}

} // namespace

core_place find_core(const core_facts& facts, std::string pattern, bool uses_pid) {
  if (pattern.starts_with('|')) {
    auto program = pattern.substr(1, pattern.find(' ') - 1);
    if (program.find("systemd-coredump") != std::string::npos)
      return {{}, fmt::format("coredumpctl info {}", facts.pid)};
    if (program.find("apport") != std::string::npos)
      return {{}, "apport has it, see /var/crash"};
    return {{}, fmt::format("given to '{}'", program)};
  }
  if (pattern.empty())
    pattern = "core";
  if (!pattern.starts_with('/'))
    pattern =
      (facts.working_dir.empty() ? "/" : facts.working_dir + "/") + pattern; // a '%' in a folder's name is read as one
  auto name = expand(facts, pattern);
  if (uses_pid && !name.has_pid) {
    name.glob += "." + std::to_string(facts.pid);
    name.shown += "." + std::to_string(facts.pid);
  }
  if (auto path = newest(name.glob, facts.started_at); !path.empty())
    return {path, path};
  return {{}, fmt::format("not found as '{}'", name.shown)};
}

core_place find_core(const core_facts& facts) {
  return find_core(
    facts, small_file("/proc/sys/kernel/core_pattern"), small_file("/proc/sys/kernel/core_uses_pid") == "1");
}

} // namespace duende
