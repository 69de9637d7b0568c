#include "apps/keeper/ledger.hpp"

#include "backends/native/identity.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace duende::keeper {

struct ledger::head {
  char magic[8];
  std::uint32_t version;
  std::int32_t keeper_pid;
  std::uint64_t pid_namespace; ///< pids mean something only there
  char boot[40];
};

namespace {

constexpr char magic[8] = {'d', 'u', 'e', 'n', 'd', 'e', 'K', 'L'};
constexpr std::uint32_t ledger_version = 1;
constexpr std::size_t head_size = 64;
constexpr std::size_t file_size = head_size + ledger::capacity * sizeof(ledger_entry);

std::uint64_t pid_namespace() {
  struct stat info {};
  return stat("/proc/self/ns/pid", &info) == 0 ? info.st_ino : 0;
}

} // namespace

bool ledger::open(const char* state_dir, char* error, std::size_t error_size) {
  static_assert(sizeof(head) == head_size);
  char path[4096];
  auto failed = [&](const char* what) {
    snprintf(error, error_size, "%s '%s': %s", what, path, strerror(errno));
    return false;
  };
  if (snprintf(path, sizeof path, "%s/keeper.ledger", state_dir) >= static_cast<int>(sizeof path)) {
    snprintf(error, error_size, "state_dir is longer than %zu bytes", sizeof path);
    return false;
  }
  fd_ = ::open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd_ < 0)
    return failed("cannot open");
  if (flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    head holder{};
    if (errno != EWOULDBLOCK || pread(fd_, &holder, sizeof holder, 0) != sizeof holder)
      return failed("cannot lock");
    snprintf(
      error, error_size, "state_dir '%s' is in use by the keeper with pid %d", state_dir,
      static_cast<int>(holder.keeper_pid));
    return false;
  }
  // Every page exists before it is mapped: a full disk shows here and not as SIGBUS later.
  if (int problem = posix_fallocate(fd_, 0, file_size); problem != 0) {
    errno = problem;
    return failed("cannot allocate");
  }
  auto* memory = mmap(nullptr, file_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
  if (memory == MAP_FAILED)
    return failed("cannot map");
  head_ = static_cast<head*>(memory);
  auto boot = boot_id();
  auto space = pid_namespace();
  bool known = memcmp(head_->magic, magic, sizeof magic) == 0;
  if (known && memcmp(head_->boot, boot.data(), sizeof head_->boot) == 0 && head_->pid_namespace == space) {
    if (head_->version > ledger_version) {
      snprintf(error, error_size, "'%s' was written by a newer version of duende", path);
      return false;
    }
  } else {
    memset(memory, 0, file_size); // nothing of another boot lives
  }
  memcpy(head_->magic, magic, sizeof magic);
  memcpy(head_->boot, boot.data(), sizeof head_->boot);
  head_->version = ledger_version;
  head_->pid_namespace = space;
  head_->keeper_pid = getpid();
  return true;
}

void ledger::trim() { madvise(head_, file_size, MADV_DONTNEED); } // shared with the file: only the mapping goes

ledger_entry& ledger::operator[](std::uint32_t index) {
  return reinterpret_cast<ledger_entry*>(reinterpret_cast<char*>(head_) + head_size)[index];
}

} // namespace duende::keeper
