#include "core/config/file.hpp"

#include "core/config/load.hpp"
#include "core/errc.hpp"
#include "core/paths.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

namespace duende::config {
namespace {

struct descriptor {
  int fd;
  ~descriptor() {
    if (fd >= 0)
      close(fd);
  }
};

} // namespace

caf::expected<std::string> read_file(const std::string& path) {
  // Non-blocking, so that opening a fifo returns and it can be refused.
  descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  struct stat info {};
  if (file.fd < 0 || fstat(file.fd, &info) != 0)
    return errno_error(errc::io_failure, errno, fmt::format("cannot read '{}'", path));
  if (S_ISDIR(info.st_mode))
    return errno_error(errc::io_failure, EISDIR, fmt::format("cannot read '{}'", path));
  if (!S_ISREG(info.st_mode))
    return fail(errc::io_failure, "cannot read '{}': not a regular file", path);
  std::string result;
  std::size_t used = 0;
  result.resize(std::min<std::size_t>(static_cast<std::size_t>(info.st_size), max_config_bytes) + 1);
  for (;;) {
    auto count = read(file.fd, result.data() + used, result.size() - used);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return errno_error(errc::io_failure, errno, fmt::format("cannot read '{}'", path));
    if (count == 0)
      break;
    used += static_cast<std::size_t>(count);
    if (used > max_config_bytes)
      return fail(errc::limit_reached, "cannot read '{}': more than {} bytes", path, max_config_bytes);
    if (used == result.size())
      result.resize(std::min(result.size() * 2, max_config_bytes + 1));
  }
  result.resize(used);
  return result;
}

std::string identity_of(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0)
    return {};
  return fmt::format("{}:{}", info.st_dev, info.st_ino);
}

bool has_glob(std::string_view path) { return path.find_first_of("*?[") != std::string_view::npos; }

std::vector<std::string> expand_glob(const std::string& pattern) {
  if (!has_glob(pattern))
    return {pattern};
  glob_t found{};
  std::vector<std::string> result;
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0)
    result.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  return result;
}

std::string folder_of(const std::string& path) {
  std::string current(4096, '\0');
  if (getcwd(current.data(), current.size()) == nullptr)
    current = "/";
  current.resize(current.find('\0') == std::string::npos ? current.size() : current.find('\0'));
  auto whole = absolute_path(current, path);
  auto slash = whole.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : whole.substr(0, slash);
}

bool valid_utf8(std::string_view text) {
  // Source: RFC 3629, section 4.
  for (std::size_t i = 0; i < text.size();) {
    auto first = static_cast<unsigned char>(text[i]);
    std::size_t more = first < 0x80 ? 0 : first >= 0xC2 && first < 0xE0 ? 1 : first >= 0xE0 && first < 0xF0 ? 2 : 3;
    if ((first >= 0x80 && first < 0xC2) || first > 0xF4 || i + more >= text.size())
      return false;
    for (std::size_t k = 1; k <= more; ++k)
      if ((static_cast<unsigned char>(text[i + k]) & 0xC0) != 0x80)
        return false;
    auto second = more > 0 ? static_cast<unsigned char>(text[i + 1]) : 0x80;
    if (
      (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) || (first == 0xF0 && second < 0x90)
      || (first == 0xF4 && second > 0x8F))
      return false;
    i += more + 1;
  }
  return true;
}

} // namespace duende::config
