// Files of /proc, /sys and the like: short, read and written at once.
#pragma once

#include <cerrno>
#include <optional>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

namespace duende {

/// Up to 256 KiB of it; none with errno.
inline std::optional<std::string> read_small(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return std::nullopt;
  std::string text;
  char buffer[4096];
  ssize_t n = 0;
  while (text.size() < 256u << 10 && (n = ::read(fd, buffer, sizeof buffer)) > 0)
    text.append(buffer, static_cast<std::size_t>(n));
  int error = errno;
  ::close(fd);
  errno = error;
  return n < 0 ? std::nullopt : std::optional{std::move(text)};
}

/// In one write(2), as such files want it. 0 or the error number.
inline int write_small(const std::string& path, std::string_view text) {
  int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0)
    return errno;
  int error = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : errno;
  ::close(fd);
  return error;
}

} // namespace duende
