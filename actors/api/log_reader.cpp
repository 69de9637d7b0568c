#include "actors/api/log_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace duende::api {
namespace {

constexpr std::size_t block_bytes = 64 * 1024;

std::string_view base_name(log_stream stream) { return stream == log_stream::out ? "stdout.log" : "stderr.log"; }

/// Where the last `lines` complete lines of a file begin; `lines` becomes the number that is still missing.
std::uint64_t tail_offset(int fd, std::uint64_t size, std::size_t& lines) {
  std::string block;
  bool first = true; // the newline that ends the last line is not before one of the wanted lines
  for (auto end = size; end > 0;) {
    auto begin = end - std::min<std::uint64_t>(end, block_bytes);
    block.resize(end - begin);
    auto n = pread(fd, block.data(), block.size(), static_cast<off_t>(begin));
    if (n <= 0)
      return size;
    for (auto i = static_cast<std::size_t>(n); i-- > 0;) {
      if (block[i] != '\n')
        continue;
      if (lines == 0)
        return begin + i + 1;
      if (!first)
        --lines;
      first = false;
      if (lines == 0)
        return begin + i + 1;
    }
    end = begin;
  }
  if (!first && lines > 0)
    --lines; // the file's first line
  return 0;
}

} // namespace

log_reader::opened::~opened() {
  if (fd >= 0)
    close(fd);
}

log_reader::log_reader(std::string dir, log_stream stream) : dir_(std::move(dir)), stream_(stream) {}

std::string log_reader::current_path() const { return fmt::format("{}/{}", dir_, base_name(stream_)); }

bool log_reader::open(const std::string& path, opened& file) const {
  file.fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  struct statx info {};
  if (file.fd < 0 || statx(file.fd, "", AT_EMPTY_PATH, STATX_INO | STATX_SIZE | STATX_TYPE | STATX_BTIME, &info) != 0)
    return false;
  file.id = {info.stx_ino, info.stx_btime.tv_sec * 1'000'000'000 + info.stx_btime.tv_nsec};
  file.size = info.stx_size;
  return S_ISREG(info.stx_mode);
}

std::vector<std::string> log_reader::paths() const {
  auto prefix = std::string{base_name(stream_)} + ".";
  std::vector<std::pair<unsigned, std::string>> numbered;
  if (auto* dir = opendir(dir_.c_str())) {
    while (auto* entry = readdir(dir)) {
      std::string_view name = entry->d_name;
      if (!name.starts_with(prefix))
        continue;
      auto digits = name.substr(prefix.size());
      unsigned number = 0;
      auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
      if (error == std::errc{} && end == digits.data() + digits.size())
        numbered.emplace_back(number, fmt::format("{}/{}", dir_, name));
    }
    closedir(dir);
  }
  std::sort(numbered.begin(), numbered.end());
  std::vector<std::string> result{current_path()};
  for (auto& [number, path] : numbered)
    result.push_back(std::move(path));
  return result;
}

void log_reader::seek_tail(std::size_t lines) {
  at_ = {};
  for (const auto& path : paths()) {
    opened file;
    if (!open(path, file))
      continue;
    bool only_end = lines == 0;
    at_ = {file.id, tail_offset(file.fd, file.size, lines)};
    if (only_end || lines == 0)
      return;
  }
}

bool log_reader::take_lost() { return std::exchange(lost_, false); }

/// `final`: the file gets no more bytes, so its last piece is a line even without a newline.
bool log_reader::read_lines(
  const opened& file, std::uint64_t& offset, bool final, std::string& out, std::size_t limit) {
  if (offset >= file.size)
    return false;
  auto before = out.size();
  out.resize(before + std::min<std::uint64_t>(limit, file.size - offset));
  auto n = pread(file.fd, out.data() + before, out.size() - before, static_cast<off_t>(offset));
  auto got = n > 0 ? static_cast<std::size_t>(n) : 0;
  auto newline = std::string_view{out}.substr(before, got).rfind('\n');
  auto used = newline != std::string_view::npos ? newline + 1 : got == limit || final ? got : 0;
  out.resize(before + used);
  offset += used;
  if (used > 0 && newline == std::string_view::npos)
    out += '\n';
  return used > 0;
}

bool log_reader::next(std::string& out, std::size_t limit, bool as_it_is) {
  for (int attempt = 0; attempt < 10'000; ++attempt) {
    {
      opened current;
      if (at_.file != identity{} && open(current_path(), current) && current.id == at_.file) {
        if (current.size == 0) // emptied by somebody else
          at_.offset = 0;
        // Smaller than what was read, but not empty: a node that was killed while it wrote takes its last write back and
        // repeats it byte for byte, so the place stays right.
        return read_lines(current, at_.offset, as_it_is, out, limit);
      }
    }
    auto done = read_rotated(out, limit, as_it_is);
    if (done != step::moved)
      return done == step::lines;
  }
  return false;
}

log_reader::step log_reader::read_rotated(std::string& out, std::size_t limit, bool as_it_is) {
  for (int attempt = 0; attempt < 3; ++attempt) { // a rotation may be going on: a name can be missing for a moment
    auto names = paths();
    identity newer, oldest;
    for (const auto& path : names) { // from new to old
      opened file;
      if (!open(path, file))
        continue;
      if (file.id == at_.file) {
        bool is_newest = newer == identity{};
        if (read_lines(file, at_.offset, !is_newest || as_it_is, out, limit))
          return step::lines;
        if (is_newest)
          return step::end; // rotated, and nothing was written since
        at_ = {newer, 0};
        return step::moved;
      }
      newer = file.id;
      oldest = file.id;
    }
    if (at_.file == identity{}) {
      if (oldest == identity{})
        return step::end; // nothing was ever written
      at_ = {oldest, 0};
      return step::moved;
    }
    if (oldest == identity{})
      return step::end; // all removed by somebody else
    if (attempt == 2) {
      lost_ = true;
      at_ = {oldest, 0};
      return step::moved;
    }
  }
  return step::end;
}

} // namespace duende::api
