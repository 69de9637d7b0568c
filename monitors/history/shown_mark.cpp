#include "monitors/history/shown_mark.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <utility>

namespace duende {
namespace {

/// So many ids at a time: one write serves them all.
constexpr std::int64_t block = 1000;
constexpr std::size_t width = 20;

} // namespace

shown_mark::shown_mark(std::string path) : path_(std::move(path)) {
  fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  char text[width];
  if (fd_ >= 0 && ::pread(fd_, text, width, 0) == static_cast<ssize_t>(width))
    std::from_chars(text, text + width - 1, value_); // zero where it is no number
  if (fd_ >= 0 && !write(value_))
    ::close(std::exchange(fd_, -1));
}

shown_mark::~shown_mark() {
  if (fd_ >= 0)
    ::close(fd_);
}

shown_mark::shown_mark(shown_mark&& other) noexcept
  : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), value_(other.value_) {}

shown_mark& shown_mark::operator=(shown_mark&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  std::swap(value_, other.value_);
  return *this;
}

bool shown_mark::write(std::int64_t value) {
  auto text = fmt::format("{:0{}}\n", value, width - 1);
  return ::pwrite(fd_, text.data(), width, 0) == static_cast<ssize_t>(width);
}

bool shown_mark::raise(std::int64_t id) {
  if (id <= value_)
    return true;
  if (fd_ < 0 || !write(id + block))
    return false;
  value_ = id + block;
  return true;
}

void shown_mark::clear() {
  if (value_ != 0 && write(0))
    value_ = 0;
}

void shown_mark::remove() {
  if (fd_ >= 0)
    ::unlink(path_.c_str());
}

} // namespace duende
