#include "monitors/usage/usage.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>

namespace duende {
namespace {

/// Reads a small file of /proc whole; an empty view where there is none. `path` below `dir`.
template <std::size_t N>
std::string_view read_small(int dir, const char* path, std::array<char, N>& buffer) {
  const int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return {};
  std::size_t size = 0;
  while (size < N) {
    const auto got = read(fd, buffer.data() + size, N - size);
    if (got <= 0)
      break;
    size += static_cast<std::size_t>(got);
  }
  close(fd);
  return {buffer.data(), size};
}

std::string_view next_word(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\n'))
    text.remove_prefix(1);
  const auto end = std::min(text.find_first_of(" \n"), text.size());
  const auto word = text.substr(0, end);
  text.remove_prefix(end);
  return word;
}

template <class T>
bool proc_number(std::string_view word, T& value) {
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  return error == std::errc{} && end == word.data() + word.size();
}

// getdents64(2) by hand: opendir(3) allocates 32 KiB for each look.
std::optional<std::uint32_t> count_entries(int dir, const char* path) {
  const int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return std::nullopt;
  alignas(dirent64) std::array<char, 8192> buffer;
  std::uint32_t count = 0;
  ssize_t size;
  while ((size = getdents64(fd, buffer.data(), buffer.size())) > 0)
    for (ssize_t at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
      count += entry->d_name[0] != '.';
      at += entry->d_reclen;
    }
  close(fd);
  return size < 0 ? std::nullopt : std::optional{count};
}

/// Each thread has a list of the children it made. None where the kernel lacks CONFIG_PROC_CHILDREN.
std::optional<std::uint32_t> count_children(int dir) {
  const int tasks = openat(dir, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (tasks < 0)
    return std::nullopt;
  alignas(dirent64) std::array<char, 4096> buffer;
  std::optional<std::uint32_t> count;
  ssize_t size;
  while ((size = getdents64(tasks, buffer.data(), buffer.size())) > 0)
    for (ssize_t at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
      at += entry->d_reclen;
      if (entry->d_name[0] == '.')
        continue;
      std::array<char, 32> path;
      std::snprintf(path.data(), path.size(), "%.16s/children", entry->d_name);
      const int fd = openat(tasks, path.data(), O_RDONLY | O_CLOEXEC);
      if (fd < 0)
        continue;
      count = count.value_or(0);
      std::array<char, 2048> text;
      ssize_t got;
      while ((got = read(fd, text.data(), text.size())) > 0)
        for (ssize_t i = 0; i < got; ++i)
          *count += text[static_cast<std::size_t>(i)] == ' '; // one follows every pid
      close(fd);
    }
  close(tasks);
  return count;
}

/// The exact figure; statm's counters are kept per thread and folded in late.
std::optional<std::uint64_t> exact_resident(int dir) {
  std::array<char, 1024> buffer;
  const auto text = read_small(dir, "smaps_rollup", buffer);
  const auto at = text.find("\nRss:");
  if (at == std::string_view::npos)
    return std::nullopt;
  auto rest = text.substr(at + 5);
  std::uint64_t kilobytes = 0;
  if (!proc_number(next_word(rest), kilobytes))
    return std::nullopt;
  return kilobytes * 1024;
}

duration from_ticks(std::uint64_t ticks) {
  static const auto per_second = static_cast<std::uint64_t>(std::max(sysconf(_SC_CLK_TCK), 1L));
  return duration{static_cast<duration::rep>(ticks * (1'000'000'000 / per_second))};
}

} // namespace

std::optional<proc_stat> parse_proc_stat(std::string_view text) {
  // The command may hold spaces and parentheses; nothing after it does.
  const auto open = text.find('(');
  const auto close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open)
    return std::nullopt;
  proc_stat result;
  result.command = text.substr(open + 1, close - open - 1);
  auto rest = text.substr(close + 1);
  const auto state = next_word(rest);
  if (state.size() != 1)
    return std::nullopt;
  result.state = state.front();
  // Numbered as in proc(5), where pid is 1, the command 2 and the state 3.
  for (int field = 4; field <= 24; ++field) {
    const auto word = next_word(rest);
    bool good = !word.empty();
    switch (field) {
      case 4: good = proc_number(word, result.parent); break;
      case 14: good = proc_number(word, result.user_ticks); break;
      case 15: good = proc_number(word, result.system_ticks); break;
      case 20: good = proc_number(word, result.threads); break;
      case 22: good = proc_number(word, result.start_time); break;
      case 24: good = proc_number(word, result.resident_pages); break;
      default: break;
    }
    if (!good)
      return std::nullopt;
  }
  return result;
}

std::optional<process_usage_now> read_usage(pid_t pid) {
  if (pid <= 0)
    return std::nullopt;
  std::array<char, 32> path;
  std::snprintf(path.data(), path.size(), "/proc/%d", static_cast<int>(pid));
  // All is read through this descriptor: a pid that is given anew meanwhile does not mix two processes.
  const int dir = open(path.data(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0)
    return std::nullopt;
  std::array<char, 1024> buffer;
  const auto stat = parse_proc_stat(read_small(dir, "stat", buffer));
  std::optional<process_usage_now> result;
  if (stat && stat->state != 'Z' && stat->state != 'X') {
    auto& usage = result.emplace();
    usage.user = from_ticks(stat->user_ticks);
    usage.system = from_ticks(stat->system_ticks);
    usage.threads = static_cast<std::uint32_t>(stat->threads);
    usage.start_time = stat->start_time;
    static const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    usage.resident_bytes = exact_resident(dir).value_or(stat->resident_pages * page);
    usage.open_fds = count_entries(dir, "fd");
    usage.children = count_children(dir);
  }
  close(dir);
  return result;
}

} // namespace duende
