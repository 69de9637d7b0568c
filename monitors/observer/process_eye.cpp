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

std::uint64_t page_size() {
  static const auto size = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  return size;
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

void process_eye::count_children(process_sample& into) const {
  std::array<char, 1024> buffer;
  if (into.threads == 1 && files_[children])
    if (const auto text = read(children, buffer); text.size() < buffer.size()) {
      into.children = static_cast<std::uint32_t>(std::count(text.begin(), text.end(), ' ')); // one follows every pid
      return;
    }
  into.children = duende::count_children(folder_.fd()).value_or(unknown_count); // each thread has a list of its own
}

bool process_eye::look_at_all(process_sample& into, std::uint64_t used) const {
  std::array<char, 1024> buffer;
  const auto now = parse_proc_stat(read(stat, buffer));
  if (!now || now->state == 'Z' || now->state == 'X')
    return false;
  into = {};
  into.pid = pid_;
  into.start_time = start_time_;
  into.state = now->state;
  into.user_ns = static_cast<std::uint64_t>(from_clock_ticks(now->user_ticks).count());
  into.system_ns = static_cast<std::uint64_t>(from_clock_ticks(now->system_ticks).count());
  into.cpu_ns = used == unknown_figure ? into.user_ns + into.system_ns : used;
  into.major_faults = now->major_faults;
  into.threads = static_cast<std::uint32_t>(now->threads);
  into.resident_bytes = now->resident_pages * page_size();
  if (const auto memory = parse_proc_memory(read(statm, buffer))) {
    into.resident_bytes = memory->resident * page_size();
    into.virtual_bytes = memory->total * page_size();
  }
  if (const auto transfer = parse_proc_io(read(io, buffer))) {
    into.read_bytes = transfer->read_bytes;
    into.written_bytes = transfer->written_bytes;
  }
  if (const auto schedule = parse_proc_schedule(read(schedstat, buffer))) {
    into.switches = schedule->slices;
    into.wait_ns = schedule->wait_ns;
  }
  struct stat known {}; // since Linux 6.2 the folder's size is the number of its entries
  if (files_[fd] && fstat(files_[fd].fd(), &known) == 0 && known.st_size > 0)
    into.open_fds = static_cast<std::uint32_t>(known.st_size);
  else
    into.open_fds = count_descriptors(folder_.fd()).value_or(unknown_count);
  count_children(into);
  return true;
}

/// Of a process that has not run since the last look: it has not transferred, opened or begun anything. What others change about it is
/// read: its memory may be taken away, and children may leave it without its doing.
bool process_eye::look_at_idle(process_sample& into) const {
  std::array<char, 1024> buffer;
  const auto memory = parse_proc_memory(read(statm, buffer));
  if (!memory || memory->total == 0) // a zombie has none
    return false;
  into = last_;
  into.resident_bytes = memory->resident * page_size();
  into.virtual_bytes = memory->total * page_size();
  if (into.threads == 1 && files_[children])
    count_children(into);
  return true;
}

bool process_eye::look(process_sample& into) {
  if (!folder_)
    return false;
  const auto used = cpu_clock(pid_); // of this process, as what follows shows that it still lives
  const bool idle = last_.pid != 0 && used == last_.cpu_ns && look_at_idle(into);
  if (!idle && !look_at_all(into, used))
    return false;
  into.in_cgroup = cgroup_ && cgroup_->look(into.cgroup);
  if (!into.in_cgroup)
    cgroup_.reset();
  last_ = into;
  return true;
}

} // namespace duende
