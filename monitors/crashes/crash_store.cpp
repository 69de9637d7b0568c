#include "monitors/crashes/crash_store.hpp"

#include <fmt/format.h>

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace duende {
namespace {

constexpr std::size_t most_waiting = 1000;
constexpr std::string_view suffix = ".json";
constexpr off_t largest = 4 << 20;

bool is_crash_id(std::string_view text) {
  return text.size() > 10 && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || c == 'T' || c == 'Z' || c == '.' || c == '-';
         });
}

bool make_private_folder(const std::string& path) { return ::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST; }

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

} // namespace

std::string crash_path(const std::string& dir, const std::string& daemon, const std::string& id) {
  return fmt::format("{}/{}/{}{}", dir, daemon, id, suffix);
}

std::vector<std::string> list_crashes(const std::string& dir, const std::string& daemon) {
  std::vector<std::string> ids;
  if (auto* folder = ::opendir((dir + "/" + daemon).c_str())) {
    while (auto* entry = ::readdir(folder)) {
      std::string_view name = entry->d_name;
      if (!name.ends_with(suffix))
        continue;
      name.remove_suffix(suffix.size());
      if (is_crash_id(name))
        ids.emplace_back(name);
    }
    ::closedir(folder);
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

caf::expected<std::string> read_crash(const std::string& dir, const std::string& daemon, const std::string& id) {
  const auto path = crash_path(dir, daemon, id);
  const int fd = is_crash_id(id) ? ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) : -1;
  if (fd < 0 && (!is_crash_id(id) || errno == ENOENT))
    return fail(errc::not_found, "no crash report '{}' of '{}'", id.substr(0, 64), daemon);
  struct stat info {};
  std::string text;
  bool good = fd >= 0 && ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size <= largest;
  if (good) {
    text.resize(static_cast<std::size_t>(info.st_size));
    good = ::pread(fd, text.data(), text.size(), 0) == info.st_size;
  }
  const int problem = errno;
  if (fd >= 0)
    ::close(fd);
  if (!good)
    return errno_error(errc::io_failure, problem, fmt::format("cannot read '{}'", path));
  return text;
}

crash_store::crash_store(std::string dir, std::function<void(std::string)> on_trouble)
  : dir_(std::move(dir)), on_trouble_(std::move(on_trouble)) {}

crash_store::~crash_store() {
  if (thread_.joinable())
    thread_.join();
}

std::optional<std::uint64_t> crash_store::admit(const uuid& id, instant now, bool regardless) {
  std::lock_guard lock{mutex_};
  auto [found, fresh] = turns_.try_emplace(id);
  auto& its = found->second;
  if (!fresh && !regardless && now - its.last < pause) {
    ++its.left_out;
    return std::nullopt;
  }
  its.last = now;
  return std::exchange(its.left_out, 0);
}

void crash_store::forget(const uuid& id) {
  std::lock_guard lock{mutex_};
  turns_.erase(id);
}

void crash_store::submit(crash_report report) {
  std::lock_guard lock{mutex_};
  if (waiting_.size() >= most_waiting)
    return;
  waiting_.push_back(std::move(report));
  if (std::exchange(busy_, true))
    return;
  try {
    if (thread_.joinable())
      thread_.join(); // it has let go of the lock for the last time
    thread_ = std::thread{[this] { run(); }};
  } catch (const std::system_error&) {
    busy_ = false; // no thread to be had: with the next report
  }
}

bool crash_store::flush(duration timeout) {
  std::unique_lock lock{mutex_};
  return idle_.wait_for(lock, timeout, [&] { return !busy_; });
}

void crash_store::run() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr); // they are for who started us
  pthread_setname_np(pthread_self(), "duende-crashes");
  [[maybe_unused]] int priority = ::nice(5); // of this thread alone
  std::unique_lock lock{mutex_};
  while (!waiting_.empty()) {
    auto report = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    auto problem = write(report);
    if (!problem.empty() && !failing_ && on_trouble_)
      on_trouble_(problem);
    failing_ = !problem.empty();
    lock.lock();
  }
  busy_ = false;
  idle_.notify_all();
}

/// Ids sort by time of day. Those behind the newest are from before the clock was set back: older than all others.
void crash_store::prune(const crash_report& report, const std::string& newest) const {
  auto ids = list_crashes(dir_, report.daemon);
  auto own = std::lower_bound(ids.begin(), ids.end(), newest);
  if (own != ids.end() && *own == newest)
    own = ids.erase(own);
  std::rotate(ids.begin(), own, ids.end());
  for (std::size_t i = 0; i < ids.size() && ids.size() - i + 1 > report.keep; ++i)
    ::unlink(crash_path(dir_, report.daemon, ids[i]).c_str());
}

/// An error's text, empty for success.
std::string crash_store::write(const crash_report& report) {
  const auto id = crash_id(report);
  const auto path = crash_path(dir_, report.daemon, id);
  auto failed = [&] { return fmt::format("cannot write crash report '{}': {}", path, std::strerror(errno)); };
  if (!make_private_folder(dir_) || !make_private_folder(dir_ + "/" + report.daemon))
    return failed();
  const auto text = to_json(report);
  const auto temporary = path + ".new";
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0)
    return failed();
  std::string problem;
  if (!write_all(fd, text) || ::rename(temporary.c_str(), path.c_str()) != 0) {
    problem = failed();
    ::unlink(temporary.c_str());
  }
  ::close(fd);
  if (problem.empty())
    prune(report, id);
  return problem;
}

} // namespace duende
