#include "monitors/observer/process_eye.hpp"

#include "monitors/usage/proc_dir.hpp"
#include "monitors/usage/proc_text.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace duende {
namespace {

constexpr std::array names = {"stat", "statm", "io", "schedstat", static_cast<const char*>(nullptr), "fd"};

/// The clock of a whole process: exact where stat counts ticks. Its number is that of clock_getcpuclockid(3).
std::uint64_t cpu_clock(pid_t pid) {
  constexpr clockid_t scheduled = 2; // CPUCLOCK_SCHED
  const auto clock = static_cast<clockid_t>(~static_cast<unsigned>(pid) << 3) | scheduled;
  timespec now{};
  if (clock_gettime(clock, &now) != 0)
    return unknown_figure;
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

} // namespace

process_eye process_eye::open(pid_t pid, std::uint64_t begun_by, bool keep_open) {
  process_eye eye;
  eye.folder_ = open_process(pid);
  if (!eye.folder_)
    return eye;
  std::array<char, 1024> buffer;
  const auto stat_now = parse_proc_stat(read_small(eye.folder_.fd(), "stat", buffer));
  if (!stat_now || stat_now->start_time > begun_by) {
    eye.folder_.reset();
    errno = ESRCH;
    return eye;
  }
  eye.pid_ = pid;
  eye.start_time_ = stat_now->start_time;
  std::snprintf(eye.children_path_.data(), eye.children_path_.size(), "task/%d/children", static_cast<int>(pid));
  eye.keep_open_ = keep_open;
  for (std::size_t i = 0; keep_open && i < eye.files_.size(); ++i) {
    const auto* name = i == children ? eye.children_path_.data() : names[i];
    const int flags = i == fd ? O_PATH | O_DIRECTORY | O_CLOEXEC : O_RDONLY | O_CLOEXEC;
    eye.files_[i] = open_file{openat(eye.folder_.fd(), name, flags)};
    if (!eye.files_[i] && (errno == EMFILE || errno == ENFILE)) {
      for (auto& each : eye.files_) // what is left of them is needed elsewhere
        each.reset();
      eye.keep_open_ = false;
      break;
    }
  }
  eye.cgroup_ = cgroup_eye::open(eye.folder_.fd());
  return eye;
}

/// Empty where it can't be read: no such file in this kernel, not ours to read, or no such process any more.
std::string_view process_eye::read(file which, std::array<char, 1024>& buffer) const {
  if (!keep_open_)
    return read_small(folder_.fd(), which == children ? children_path_.data() : names[which], buffer);
  if (!files_[which])
    return {};
  const auto size = pread(files_[which].fd(), buffer.data(), buffer.size(), 0);
  return {buffer.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
}

/// Descriptors and children.
void process_eye::count(process_sample& into) const {
  struct stat known {}; // since Linux 6.2 the folder's size is the number of its entries
  if (files_[fd] && fstat(files_[fd].fd(), &known) == 0 && known.st_size > 0)
    into.open_fds = static_cast<std::uint32_t>(known.st_size);
  else
    into.open_fds = count_descriptors(folder_.fd()).value_or(unknown_count);
  std::array<char, 1024> buffer;
  if (into.threads == 1 && files_[children])
    if (const auto text = read(children, buffer); text.size() < buffer.size()) {
      into.children = static_cast<std::uint32_t>(std::count(text.begin(), text.end(), ' ')); // one follows every pid
      return;
    }
  into.children = count_children(folder_.fd()).value_or(unknown_count); // each thread has a list of its own
}

bool process_eye::look(process_sample& into) {
  if (!folder_)
    return false;
  std::array<char, 1024> buffer;
  const auto used = cpu_clock(pid_); // of this process, as what follows shows that it still lives
  const auto now = parse_proc_stat(read(stat, buffer));
  if (!now || now->state == 'Z' || now->state == 'X')
    return false;
  static const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  into.pid = pid_;
  into.start_time = start_time_;
  into.state = now->state;
  into.user_ns = static_cast<std::uint64_t>(from_clock_ticks(now->user_ticks).count());
  into.system_ns = static_cast<std::uint64_t>(from_clock_ticks(now->system_ticks).count());
  into.cpu_ns = used == unknown_figure ? into.user_ns + into.system_ns : used;
  into.major_faults = now->major_faults;
  into.threads = static_cast<std::uint32_t>(now->threads);
  into.resident_bytes = now->resident_pages * page;
  into.virtual_bytes = 0;
  if (const auto memory = parse_proc_memory(read(statm, buffer))) {
    into.resident_bytes = memory->resident * page;
    into.virtual_bytes = memory->total * page;
  }
  const auto transfer = parse_proc_io(read(io, buffer));
  into.read_bytes = transfer ? transfer->read_bytes : unknown_figure;
  into.written_bytes = transfer ? transfer->written_bytes : unknown_figure;
  const auto schedule = parse_proc_schedule(read(schedstat, buffer));
  into.switches = schedule ? schedule->slices : unknown_figure;
  into.wait_ns = schedule ? schedule->wait_ns : unknown_figure;
  count(into);
  if (cgroup_ && !cgroup_->look(into.cgroup))
    cgroup_.reset();
  into.in_cgroup = cgroup_ != nullptr;
  return true;
}

} // namespace duende
