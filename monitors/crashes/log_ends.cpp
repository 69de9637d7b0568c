#include "monitors/crashes/log_ends.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace duende {
namespace {

constexpr int reading = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

/// The last `max` bytes before `size`.
std::string bytes_before(int fd, std::uint64_t size, std::size_t max) {
  std::string bytes(std::min<std::uint64_t>(size, max), '\0');
  const auto begin = size - bytes.size();
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto n = ::pread(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(begin + done));
    if (n <= 0)
      break;
    done += static_cast<std::size_t>(n);
  }
  bytes.resize(done);
  return bytes;
}

/// Takes the stamp off a line, where there is one.
crash_line line_of(log_stream stream, std::string_view raw, bool timestamps) {
  constexpr std::size_t stamp = std::string_view{"2026-01-31T12:00:00.123Z"}.size();
  crash_line line{stream, {}, {}};
  if (timestamps && raw.size() > stamp && raw[stamp] == ' ' && raw[stamp - 1] == 'Z' && raw[10] == 'T') {
    line.at = raw.substr(0, stamp);
    raw.remove_prefix(stamp + 1);
  }
  line.text = raw;
  return line;
}

} // namespace

log_ends::log_ends(const std::string& dir) {
  const char* names[] = {"stdout.log", "stderr.log"};
  for (int i = 0; i < 2; ++i) {
    const auto path = dir + "/" + names[i];
    struct stat info {};
    ends_[i].fd = ::open(path.c_str(), reading);
    if (ends_[i].fd < 0 || ::fstat(ends_[i].fd, &info) != 0 || !S_ISREG(info.st_mode))
      continue;
    ends_[i].size = static_cast<std::uint64_t>(info.st_size);
    ends_[i].rotated = path + ".1";
  }
}

log_ends::~log_ends() { close(); }

void log_ends::close() {
  for (auto& each : ends_)
    if (each.fd >= 0)
      ::close(std::exchange(each.fd, -1));
}

log_ends::log_ends(log_ends&& other) noexcept { *this = std::move(other); }

log_ends& log_ends::operator=(log_ends&& other) noexcept {
  if (this == &other)
    return *this;
  close();
  for (int i = 0; i < 2; ++i) {
    ends_[i] = std::move(other.ends_[i]);
    other.ends_[i] = {};
  }
  return *this;
}

std::vector<crash_line> log_ends::read(bool timestamps, std::size_t max_lines, std::size_t max_bytes) const {
  std::vector<crash_line> lines;
  for (int i = 0; i < 2; ++i) {
    const auto& each = ends_[i];
    if (each.fd < 0)
      continue;
    auto bytes = bytes_before(each.fd, each.size, max_bytes);
    bool whole = bytes.size() == each.size; // the first line begins where the file does
    const auto newlines = static_cast<std::size_t>(std::count(bytes.begin(), bytes.end(), '\n'));
    if (whole && newlines < max_lines && bytes.size() < max_bytes)
      if (const int fd = ::open(each.rotated.c_str(), reading); fd >= 0) {
        struct stat info {};
        if (::fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) {
          const auto size = static_cast<std::uint64_t>(info.st_size);
          auto before = bytes_before(fd, size, max_bytes - bytes.size());
          whole = before.size() == size;
          bytes.insert(0, before);
        }
        ::close(fd);
      }
    std::string_view rest = bytes;
    if (const auto first = rest.find('\n'); !whole && first != std::string_view::npos && first + 1 < rest.size())
      rest.remove_prefix(first + 1);
    while (!rest.empty()) {
      const auto raw = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(rest.size(), raw.size() + 1));
      lines.push_back(line_of(i == 0 ? log_stream::out : log_stream::err, raw, timestamps));
    }
  }
  if (timestamps)
    std::stable_sort(lines.begin(), lines.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
  std::size_t first = lines.size(), bytes = 0;
  while (first > 0 && lines.size() - first < max_lines && bytes + lines[first - 1].text.size() <= max_bytes)
    bytes += lines[--first].text.size();
  lines.erase(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(first));
  return lines;
}

} // namespace duende
