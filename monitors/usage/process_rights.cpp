#include "monitors/usage/process_rights.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

namespace duende {
namespace {

/// The first number, or after `skip` words the next one, of the line that begins with `key`.
std::optional<std::uint64_t> number_of(std::string_view text, std::string_view key, int base = 10, int skip = 0) {
  auto at = text.find(key);
  if (at == std::string_view::npos)
    return std::nullopt;
  auto line = text.substr(at + key.size());
  line = line.substr(0, line.find('\n'));
  for (;; --skip) {
    auto begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos)
      return std::nullopt;
    line.remove_prefix(begin);
    if (skip == 0)
      break;
    line.remove_prefix(std::min(line.find_first_of(" \t"), line.size()));
  }
  std::uint64_t value = 0;
  auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value, base);
  return error == std::errc{} ? std::optional{value} : std::nullopt;
}

} // namespace

std::optional<process_rights> parse_rights(std::string_view status) {
  auto user = number_of(status, "\nUid:", 10, 1);
  auto permitted = number_of(status, "\nCapPrm:", 16), bounding = number_of(status, "\nCapBnd:", 16);
  if (!user || !permitted || !bounding)
    return std::nullopt;
  process_rights result;
  result.user = static_cast<uid_t>(*user);
  result.permitted = *permitted;
  result.bounding = *bounding;
  result.no_new_privileges = number_of(status, "\nNoNewPrivs:").value_or(0) != 0;
  result.calls_filtered = number_of(status, "\nSeccomp:").value_or(0) != 0;
  result.locked_bytes = number_of(status, "\nVmLck:").value_or(0) * 1024; // kernel threads have none
  return result;
}

std::optional<process_rights> read_rights(pid_t pid) {
  if (pid <= 0)
    return std::nullopt;
  std::array<char, 32> path;
  std::snprintf(path.data(), path.size(), "/proc/%d", static_cast<int>(pid));
  const int dir = open(path.data(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); // one process, whatever becomes of its number
  if (dir < 0)
    return std::nullopt;
  std::array<char, 4096> text;
  const int fd = openat(dir, "status", O_RDONLY | O_CLOEXEC);
  const auto size = fd < 0 ? -1 : read(fd, text.data(), text.size());
  if (fd >= 0)
    close(fd);
  auto result = size > 0 ? parse_rights({text.data(), static_cast<std::size_t>(size)}) : std::nullopt;
  struct stat theirs {
  }, ours{};
  if (result && fstatat(dir, "ns/net", &theirs, 0) == 0 && stat("/proc/self/ns/net", &ours) == 0)
    result->own_network = theirs.st_ino != ours.st_ino;
  close(dir);
  return result;
}

} // namespace duende
