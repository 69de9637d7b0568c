#include "backends/native/limit_alarm.hpp"

#include "backends/native/small_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <optional>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace duende {
namespace {

/// Where the kernel only counts. At multiples of it, so that a thousand daemons are one wake-up.
constexpr duration look_every = std::chrono::milliseconds{500};
constexpr duration first_pause = std::chrono::seconds{1};
constexpr duration longest_pause = std::chrono::minutes{1};

} // namespace

/// One descriptor. The reactor's handlers hold it, so it is closed after the last of them.
struct limit_alarm::source : std::enable_shared_from_this<source> {
  source(reactor& loop, cgroup_controller controller, limit_handler to)
    : io(loop), which(controller), fn(std::move(to)) {}
  ~source() {
    if (events >= 0)
      ::close(events);
    if (counts >= 0)
      ::close(counts);
  }
  source(const source&) = delete;
  source& operator=(const source&) = delete;

  bool open_counts(const std::string& path) {
    counts = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    return counts >= 0;
  }

  bool open_legacy(const std::string& folder) {
    events = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (events < 0 || !open_counts(folder + "/memory.oom_control"))
      return false;
    errno = write_small(folder + "/cgroup.event_control", fmt::format("{} {}", events, counts));
    return errno == 0;
  }

  /// What the kernel has counted until now; none where the group is gone. Reading it makes the descriptor quiet.
  std::optional<std::uint64_t> read() {
    if (events >= 0) {
      std::uint64_t more = 0;
      if (::read(events, &more, sizeof more) == sizeof more)
        known += more;
      char byte = 0;
      return ::pread(counts, &byte, 1, 0) == 1 ? std::optional{known} : std::nullopt; // a group that goes rings, too
    }
    char text[256];
    auto size = ::pread(counts, text, sizeof text, 0);
    if (size <= 0)
      return std::nullopt;
    return counter_in({text, static_cast<std::size_t>(size)}, which == cgroup_controller::memory ? "oom" : "max");
  }

  bool arm() {
    armed_at = monotonic_now();
    if (polled) {
      io.at(armed_at + look_every - armed_at.time_since_epoch() % look_every, [self = shared_from_this()] {
        if (!self->over)
          self->rang();
      });
      return true;
    }
    int fd = events >= 0 ? events : counts;
    return io.add(fd, events >= 0 ? EPOLLIN : EPOLLPRI, [self = shared_from_this()](std::uint32_t) { self->rang(); });
  }

  void rang() {
    if (!polled)
      io.remove(events >= 0 ? events : counts);
    auto before = known;
    auto now = read();
    if (!now || over)
      return;
    known = *now;
    if (known == before) { // another of its counters has moved
      arm();
      return;
    }
    pause = monotonic_now() - armed_at < pause ? std::min(pause * 2, longest_pause) : first_pause;
    io.after(pause, [self = shared_from_this()] {
      if (!self->over)
        self->arm();
    });
    fn({which, known - before});
  }

  reactor& io;
  const cgroup_controller which;
  const limit_handler fn;
  bool polled = false;
  int counts = -1, events = -1;
  std::uint64_t known = 0;
  duration pause = first_pause / 2;
  instant armed_at{};
  std::atomic<bool> over = false;
};

limit_alarm::limit_alarm(reactor& io, limit_handler fn) : io_(io), fn_(std::move(fn)) {}

limit_alarm::~limit_alarm() {
  for (auto& each : sources_) {
    each->over = true;
    if (!each->polled)
      io_.remove(each->events >= 0 ? each->events : each->counts);
  }
}

bool limit_alarm::watch(cgroup_controller which, cgroup_version version, const std::string& folder, bool fresh) {
  auto made = std::make_shared<source>(io_, which, fn_);
  const bool legacy = which == cgroup_controller::memory && version == cgroup_version::v1;
  const char* file = which == cgroup_controller::memory ? "/memory.events" : "/pids.events";
  if (!(legacy ? made->open_legacy(folder) : made->open_counts(folder + file)))
    return false;
  made->polled = which == cgroup_controller::pids && version == cgroup_version::v1;
  if (!fresh)
    made->known = made->read().value_or(0);
  else if (legacy && counter_in(read_small(folder + "/memory.oom_control").value_or(""), "oom_kill") > 0)
    ::eventfd_write(made->events, 1); // before it was heard
  if (!made->arm())
    return false;
  sources_.push_back(std::move(made));
  return true;
}

} // namespace duende
