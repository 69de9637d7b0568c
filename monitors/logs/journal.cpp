#include "monitors/logs/journal.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace duende::logs {

namespace {
constexpr std::uint64_t journal_magic = 0x31676f6c646e7564; // "dundlog1"
constexpr std::size_t journal_size = 8192;
} // namespace

struct journal::page {
  std::uint64_t magic;
  std::uint64_t stage;
  std::atomic<std::uint32_t> active; ///< 0: none, else the way
  std::uint32_t path_size;
  std::uint64_t inode;
  std::uint64_t offset;
  std::array<char, 4096> path;
};

journal::journal(journal&& other) noexcept : page_(std::exchange(other.page_, nullptr)) {}

journal& journal::operator=(journal&& other) noexcept {
  std::swap(page_, other.page_);
  return *this;
}

journal::~journal() {
  if (page_)
    ::munmap(page_, journal_size);
}

caf::expected<journal> journal::open(const std::string& path, std::uint64_t stage) {
  static_assert(sizeof(page) <= journal_size && std::atomic<std::uint32_t>::is_always_lock_free);
  auto what = "cannot use the log journal '" + path + "'";
  int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0)
    return errno_error(errc::io_failure, errno, what);
  if (int error = ::posix_fallocate(fd, 0, journal_size)) {
    ::close(fd);
    return errno_error(errc::io_failure, error, what);
  }
  void* memory = ::mmap(nullptr, journal_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  int error = errno;
  ::close(fd);
  if (memory == MAP_FAILED)
    return errno_error(errc::io_failure, error, what);
  journal result;
  result.page_ = static_cast<page*>(memory);
  auto& x = *result.page_;
  if (x.magic != journal_magic || x.stage != stage || x.path_size > x.path.size()) {
    x.active.store(0, std::memory_order_release);
    x.stage = stage;
    x.magic = journal_magic;
  }
  return result;
}

void journal::begin(way how, std::string_view path, std::uint64_t inode, std::uint64_t offset) {
  if (!page_ || path.size() > page_->path.size())
    return;
  page_->path_size = static_cast<std::uint32_t>(path.size());
  std::memcpy(page_->path.data(), path.data(), path.size());
  page_->inode = inode;
  page_->offset = offset;
  page_->active.store(static_cast<std::uint32_t>(how), std::memory_order_release);
}

void journal::finish() {
  if (page_)
    page_->active.store(0, std::memory_order_release);
}

std::optional<journal::step> journal::pending() const {
  auto how = page_ ? page_->active.load(std::memory_order_acquire) : 0;
  if (how == 0)
    return std::nullopt;
  return step{static_cast<way>(how), std::string(page_->path.data(), page_->path_size), page_->inode, page_->offset};
}

} // namespace duende::logs
