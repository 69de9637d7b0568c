#include "backends/native/identity.hpp"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace duende {
namespace {

/// Reads at most `size` - 1 bytes and terminates them.
bool read_file(const char* path, char* buffer, std::size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return false;
  auto count = read(fd, buffer, size - 1);
  close(fd);
  if (count <= 0)
    return false;
  buffer[count] = '\0';
  return true;
}

} // namespace

std::array<char, 40> boot_id() {
  std::array<char, 40> result{};
  if (!read_file("/proc/sys/kernel/random/boot_id", result.data(), result.size()))
    result.fill('\0');
  result[strcspn(result.data(), "\n")] = '\0';
  return result;
}

bool read_process(pid_t pid, process_facts& out) {
  char path[32], text[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", static_cast<int>(pid));
  if (pid <= 0 || !read_file(path, text, sizeof text))
    return false;
  const char* at = strrchr(text, ')'); // the name before it may hold anything
  if (at == nullptr || at[1] == '\0')
    return false;
  at += 2;
  for (int field = 3; field <= 22; ++field) {
    switch (field) {
      case 3: out.state = *at; break;
      case 4: out.parent = static_cast<pid_t>(strtol(at, nullptr, 10)); break;
      case 5: out.group = static_cast<pid_t>(strtol(at, nullptr, 10)); break;
      case 22: out.start_time = strtoull(at, nullptr, 10); return true;
    }
    at = strchr(at, ' ');
    if (at == nullptr)
      return false;
    ++at;
  }
  return false;
}

bool alive(pid_t pid, std::uint64_t start_time) {
  process_facts facts;
  return read_process(pid, facts) && facts.start_time == start_time && facts.state != 'Z' && facts.state != 'X';
}

namespace {

std::uint64_t tick() {
  static const std::uint64_t length = 1'000'000'000ull / static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
  return length;
}

std::uint64_t now_of(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000ull + static_cast<std::uint64_t>(now.tv_nsec);
}

} // namespace

std::uint64_t start_time_between(std::uint64_t before, std::uint64_t after) {
  return before / tick() == after / tick() ? before / tick() : 0;
}

std::uint64_t boottime() { return now_of(CLOCK_BOOTTIME); }

std::uint64_t monotonic_of(std::uint64_t start_time) {
  auto asleep = boottime() - now_of(CLOCK_MONOTONIC); // start times count suspended time, CLOCK_MONOTONIC does not
  auto since_boot = start_time * tick();
  return since_boot > asleep ? since_boot - asleep : since_boot;
}

} // namespace duende
