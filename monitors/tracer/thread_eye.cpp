#include "monitors/tracer/thread_eye.hpp"

#include "core/seccomp_library.hpp"
#include "monitors/usage/proc_dir.hpp"
#include "monitors/usage/proc_text.hpp"

#include <dirent.h>
#include <fcntl.h>

#include <charconv>
#include <memory>

#include <fmt/format.h>

namespace duende {
namespace {

constexpr std::size_t most_threads = 1024;
constexpr std::uint32_t native = 0; // as libseccomp has it

std::string path_of(pid_t process, pid_t thread, const char* file) {
  return fmt::format("/proc/{}/task/{}/{}", process, thread, file);
}

} // namespace

std::vector<pid_t> list_threads(pid_t process) {
  std::vector<pid_t> result;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder{opendir(fmt::format("/proc/{}/task", process).c_str()), closedir};
  if (!folder)
    return result;
  while (const auto* entry = readdir(folder.get())) {
    const std::string_view name = entry->d_name;
    pid_t thread = 0;
    std::from_chars(name.data(), name.data() + name.size(), thread);
    if (thread > 0 && result.size() < most_threads)
      result.push_back(thread);
  }
  return result;
}

std::string thread_name(pid_t process, pid_t thread) {
  std::array<char, 64> buffer;
  auto text = read_small(AT_FDCWD, path_of(process, thread, "comm").c_str(), buffer);
  return std::string{text.substr(0, text.find('\n'))};
}

std::optional<thread_times> read_thread_times(pid_t process, pid_t thread) {
  std::array<char, 128> buffer;
  const auto parsed = parse_proc_schedule(read_small(AT_FDCWD, path_of(process, thread, "schedstat").c_str(), buffer));
  if (!parsed)
    return std::nullopt;
  return thread_times{
    duration{static_cast<std::int64_t>(parsed->run_ns)}, duration{static_cast<std::int64_t>(parsed->wait_ns)}};
}

std::optional<int> current_call(pid_t process, pid_t thread) {
  std::array<char, 256> buffer;
  const auto text = read_small(AT_FDCWD, path_of(process, thread, "syscall").c_str(), buffer);
  if (text.empty())
    return std::nullopt;
  int number = -1;
  std::from_chars(text.data(), text.data() + text.size(), number); // "running" leaves it
  return number;
}

std::string name_of_call(int number) {
  auto name = system_call_name(native, number);
  return name ? std::move(*name) : fmt::format("call_{}", number);
}

} // namespace duende
