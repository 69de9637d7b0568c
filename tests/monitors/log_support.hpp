// What the tests of the logs share: pipes, folders, numbered lines whose text proves that they are whole.
#pragma once

#include "core/errc.hpp"
#include "monitors/logs/capture.hpp"
#include "tests/support/temp_dir.hpp"

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace log_test {

struct test_pipe {
  test_pipe() {
    if (::pipe2(ends, O_CLOEXEC) != 0)
      std::abort();
  }
  ~test_pipe() {
    close_read();
    close_write();
  }
  test_pipe(const test_pipe&) = delete;
  int read_copy() const { return ::fcntl(ends[0], F_DUPFD_CLOEXEC, 0); }
  int write_copy() const { return ::fcntl(ends[1], F_DUPFD_CLOEXEC, 0); }
  int take_read() { return std::exchange(ends[0], -1); }
  void close_read() { close_end(0); }
  void close_write() { close_end(1); }
  void put(std::string_view text) const {
    while (!text.empty()) {
      auto n = ::write(ends[1], text.data(), text.size());
      if (n <= 0)
        return;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  /// Throws away what is in it.
  void forget() const {
    char bytes[64];
    for (pollfd any{ends[0], POLLIN, 0}; ::poll(&any, 1, 0) == 1;)
      if (::read(ends[0], bytes, sizeof bytes) <= 0)
        return;
  }
  int ends[2] = {-1, -1};

private:
  void close_end(int which) {
    if (ends[which] >= 0)
      ::close(std::exchange(ends[which], -1));
  }
};

using duende::test::temp_dir;

inline std::string read_all(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

/// Oldest first; the current file is the last.
inline std::vector<std::string> generations(const std::string& dir, std::string_view name = "stdout.log") {
  std::vector<std::string> result;
  auto current = dir + "/" + std::string{name};
  int last = 0;
  while (std::filesystem::exists(current + "." + std::to_string(last + 1)))
    ++last;
  for (; last > 0; --last)
    result.push_back(current + "." + std::to_string(last));
  if (std::filesystem::exists(current))
    result.push_back(current);
  return result;
}

inline std::string joined(const std::string& dir, std::string_view name = "stdout.log") {
  std::string result;
  for (auto& path : generations(dir, name))
    result += read_all(path);
  return result;
}

/// Line `n`, whose length and letters follow from `n`.
inline std::string numbered_line(unsigned n) {
  auto number = std::to_string(n);
  auto result = std::string(8 - number.size(), '0') + number + ' ';
  result.append((n * 2654435761u >> 16) % 190, static_cast<char>('a' + n % 26));
  result += '\n';
  return result;
}

constexpr std::size_t stamp_size = 25; // 2026-01-31T12:00:00.123Z and a space

/// Empty if `text` is exactly the lines 0 to `count` - 1, else what is wrong.
inline std::string check_numbered(std::string_view text, unsigned count, bool stamped) {
  for (unsigned n = 0; n < count; ++n) {
    auto end = text.find('\n');
    if (end == std::string_view::npos)
      return "ends at line " + std::to_string(n) + ", rest '" + std::string{text.substr(0, 300)} + "'";
    auto line = text.substr(0, end + 1);
    if (stamped) {
      if (line.size() < stamp_size || line[10] != 'T' || line[23] != 'Z' || line[24] != ' ')
        return "line " + std::to_string(n) + " has no stamp: " + std::string{line};
      line.remove_prefix(stamp_size);
    }
    if (line != numbered_line(n))
      return "instead of line " + std::to_string(n) + ": " + std::string{line};
    text.remove_prefix(end + 1);
  }
  return text.empty() ? "" : "more than wanted: '" + std::string{text.substr(0, 300)} + "'";
}

/// Waits until everything that is in the pipes now is in the files.
inline void drain(duende::log_capture& logs, const duende::uuid& id) {
  std::promise<void> done;
  logs.drain(id, [&] { done.set_value(); });
  done.get_future().wait();
}

inline duende::log_spec raw_spec(std::uint64_t max_bytes = 0, std::uint32_t max_files = 5) {
  duende::log_spec result;
  result.max_bytes = max_bytes;
  result.max_files = max_files;
  result.timestamps = false;
  return result;
}

} // namespace log_test
