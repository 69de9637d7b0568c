#include "monitors/usage/proc_dir.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>

namespace duende {
namespace {

// getdents64(2) by hand: opendir(3) allocates 32 KiB for each look.
template <std::size_t N, class Each>
bool each_entry(int folder, Each each) {
  alignas(dirent64) std::array<char, N> buffer;
  ssize_t size;
  while ((size = getdents64(folder, buffer.data(), buffer.size())) > 0)
    for (ssize_t at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
      at += entry->d_reclen;
      if (entry->d_name[0] != '.')
        each(entry->d_name);
    }
  return size == 0;
}

} // namespace

open_file open_process(pid_t pid) {
  if (pid <= 0) {
    errno = ESRCH;
    return {};
  }
  std::array<char, 32> path;
  std::snprintf(path.data(), path.size(), "/proc/%d", static_cast<int>(pid));
  return open_file{open(path.data(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
}

std::string_view read_small(int dir, const char* path, char* buffer, std::size_t size) {
  const open_file file{openat(dir, path, O_RDONLY | O_CLOEXEC)};
  if (!file)
    return {};
  std::size_t have = 0;
  while (have < size) {
    const auto got = read(file.fd(), buffer + have, size - have);
    if (got <= 0)
      break;
    have += static_cast<std::size_t>(got);
  }
  return {buffer, have};
}

std::optional<std::uint32_t> count_descriptors(int dir) {
  const open_file folder{openat(dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!folder)
    return std::nullopt;
  struct stat known {}; // since Linux 6.2 its size is their number
  if (fstat(folder.fd(), &known) == 0 && known.st_size > 0)
    return static_cast<std::uint32_t>(known.st_size);
  std::uint32_t count = 0;
  return each_entry<8192>(folder.fd(), [&](const char*) { ++count; }) ? std::optional{count} : std::nullopt;
}

std::optional<std::uint32_t> count_children(int dir) {
  const open_file tasks{openat(dir, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!tasks)
    return std::nullopt;
  std::optional<std::uint32_t> count;
  each_entry<4096>(tasks.fd(), [&](const char* thread) {
    std::array<char, 32> path;
    std::snprintf(path.data(), path.size(), "%.16s/children", thread);
    const open_file file{openat(tasks.fd(), path.data(), O_RDONLY | O_CLOEXEC)};
    if (!file)
      return;
    count = count.value_or(0);
    std::array<char, 2048> text;
    ssize_t got;
    while ((got = read(file.fd(), text.data(), text.size())) > 0)
      for (ssize_t i = 0; i < got; ++i)
        *count += text[static_cast<std::size_t>(i)] == ' '; // one follows every pid
  });
  return count;
}

} // namespace duende
