#include "apps/keeper/keeper.hpp"

#include "backends/native/identity.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <initializer_list>

namespace duende::keeper {
namespace {

constexpr nanoseconds stop_grace = 5000 * milliseconds;
constexpr nanoseconds kill_grace = 2000 * milliseconds;

/// Whatever the starter had open is not for our children: all but stdio and the named descriptors are closed.
void close_inherited(int keep1, int keep2) {
  auto low = static_cast<unsigned>(std::min(keep1, keep2)), high = static_cast<unsigned>(std::max(keep1, keep2));
  unsigned from = 3;
  for (unsigned keep : {low, high}) {
    if (static_cast<int>(keep) < 3)
      continue;
    if (keep > from)
      close_range(from, keep - 1, 0);
    from = keep + 1;
  }
  close_range(from, ~0u, 0);
}

/// Ignored signals would be ignored by every child too.
void reset_dispositions() {
  // By the raw call: the C library hides two of the real-time signals, and a starter may have ignored even those.
  std::uint64_t standard[4] = {}; // the kernel's struct sigaction: SIG_DFL, no flags
  for (int number = 1; number <= 64; ++number)
    syscall(SYS_rt_sigaction, number, standard, nullptr, sizeof(std::uint64_t));
}

} // namespace

nanoseconds monotonic() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<nanoseconds>(now.tv_sec) * 1'000'000'000u + static_cast<nanoseconds>(now.tv_nsec);
}

bool keeper::begin(options settings, std::string& error) {
  settings_ = std::move(settings);
  for (int fd = 0; fd < 3; ++fd) // so that no descriptor of ours becomes one of stdio
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
      return error = "cannot open '/dev/null'", false;
  close_inherited(settings_.ready_fd, settings_.adopt_fd);
  for (int fd : {settings_.ready_fd, settings_.adopt_fd})
    if (fd >= 0)
      fcntl(fd, F_SETFD, FD_CLOEXEC);
  char text[4200];
  if (!ledger_.open(settings_.state_dir.c_str(), text, sizeof text))
    return error = text, false;
  auto failed = [&](const char* what) { return error = std::string{what} + ": " + strerror(errno), false; };
  if (getrlimit(RLIMIT_NOFILE, &open_files_) == 0 && open_files_.rlim_cur < open_files_.rlim_max) {
    rlimit most{open_files_.rlim_max, open_files_.rlim_max};
    raised_open_files_ = setrlimit(RLIMIT_NOFILE, &most) == 0;
  }
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
    return failed("cannot become a subreaper");
  reset_dispositions();
  sigset_t mask;
  sigemptyset(&mask);
  for (int number : {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGPIPE})
    sigaddset(&mask, number);
  if (sigprocmask(SIG_SETMASK, &mask, nullptr) != 0)
    return failed("cannot block signals");
  sigdelset(&mask, SIGPIPE); // only held back, never read
  signals_ = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  null_ = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (signals_ < 0 || epoll_ < 0 || null_ < 0 || !watch(signals_, tag::signals))
    return failed("cannot open the descriptors of the loop");
  if (pipe2(stage_, O_CLOEXEC) != 0)
    return failed("cannot create the stage pipe");
  reserve_staged();
  own_group_ = getpgrp();
  tick_ = 1'000'000'000u / static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
  find_orphans();
  pin_program();
  if (settings_.adopt_fd < 0) {
    start_node();
    return true;
  }
  node_.generation = 1;
  node_.socket = settings_.adopt_fd;
  fcntl(node_.socket, F_SETFL, fcntl(node_.socket, F_GETFL) | O_NONBLOCK);
  if (!watch(node_.socket, tag::socket))
    return failed("cannot watch the adopted socket");
  return true;
}

bool keeper::watch(int fd, tag what, std::uint32_t index, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = std::uint64_t{static_cast<std::uint32_t>(what)} << 32 | index;
  return epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0;
}

// Ahead of every close: a child that has not executed yet still holds a copy, and its entry would fire on. Where there
// is no such child the close does it.
void keeper::unwatch(int fd) {
  if (unexecuted_ > 0 || node_.status >= 0)
    epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
}

int keeper::run() {
  while (!over_) {
    epoll_event events[64];
    bool apart = children_apart();
    int count = epoll_wait(epoll_, events, 64, apart ? wait_time() : 0);
    if (count == 0 && !apart)
      await_apart();
    // Signals first: a stopped child's notice must not wait behind its end, and a known pid is still known.
    for (int i = 0; i < count; ++i)
      if (events[i].data.u64 >> 32 == static_cast<std::uint32_t>(tag::signals))
        on_signals();
    // Then requests: a thousand stop signals must not wait for the ends of those who got theirs first.
    auto is_request = [](const epoll_event& e) { return e.data.u64 >> 32 == static_cast<std::uint32_t>(tag::socket); };
    for (int i = 0; i < count; ++i)
      if (is_request(events[i]))
        dispatch(events[i]);
    for (int i = 0; i < count; ++i)
      if (!is_request(events[i]))
        dispatch(events[i]);
    on_deadlines();
    flush();
    if (ending_ != ending::no && stopped())
      over_ = true;
  }
  on_retain_sockets({}); // nobody will answer there any more: their files go
  return exit_code_;
}

void keeper::dispatch(const epoll_event& event) {
  auto index = static_cast<std::uint32_t>(event.data.u64);
  auto* which = index < slots_.size() ? slots_[index].get() : nullptr; // gone where an earlier event dropped it
  switch (static_cast<tag>(event.data.u64 >> 32)) {
    case tag::signals: break;
    case tag::socket: on_socket(event.events); break;
    case tag::node_exit: on_node_exit(); break;
    case tag::node_status: on_node_status(); break;
    case tag::slot_status:
      if (which != nullptr && which->status >= 0)
        on_status(*which, (event.events & EPOLLIN) != 0 ? word::some : word::none);
      break;
    case tag::slot_exit:
      if (which != nullptr && which->pidfd >= 0)
        on_exit(*which);
      break;
    case tag::notices: on_notices(); break;
    case tag::refusal:
      if (which != nullptr && which->listener >= 0)
        on_refusal(*which, event.events);
      break;
    case tag::stored: on_stored_event(static_cast<int>(index)); break;
  }
}

void keeper::on_signals() {
  signalfd_siginfo infos[8];
  ssize_t size = read(signals_, infos, sizeof infos);
  for (ssize_t i = 0; i * static_cast<ssize_t>(sizeof *infos) < size; ++i) {
    if (infos[i].ssi_signo == SIGCHLD)
      on_child_signal(static_cast<pid_t>(infos[i].ssi_pid), infos[i].ssi_code);
    else
      pass_on(static_cast<int>(infos[i].ssi_signo));
  }
}

int keeper::wait_time() const {
  auto next = std::min(
    {node_.restart_at, node_.give_up_at, node_.trial_until, retry_at_, reap_at_, ending_until_, crowded_until_});
  if (next == never)
    return -1;
  auto now = monotonic();
  return next <= now ? 0 : static_cast<int>((next - now + milliseconds - 1) / milliseconds);
}

void keeper::on_deadlines() {
  if (wait_time() != 0)
    return;
  auto now = monotonic();
  auto due = [&](nanoseconds& when) {
    bool is = when <= now;
    if (is)
      when = never;
    return is;
  };
  if (due(reap_at_))
    reap_strangers();
  if (due(retry_at_))
    blocked_ = false;
  if (due(crowded_until_))
    hanging_ = true;
  if (due(node_.give_up_at) && node_.pid > 0)
    kill(node_.pid, SIGKILL);
  if (due(node_.trial_until) && node_.pid > 0)
    kill(node_.pid, SIGKILL);
  if (due(node_.restart_at) && ending_ == ending::no)
    start_node();
  if (!due(ending_until_))
    return;
  if (ending_ == ending::killed) {
    over_ = true; // what survives SIGKILL hangs in the kernel
    return;
  }
  ending_ = ending::killed;
  ending_until_ = now + kill_grace;
  for (auto& each : slots_)
    if (each && each->has_process())
      signal_child(*each, SIGKILL, protocol::scope::group);
}

void keeper::stop_all(int code) {
  if (ending_ != ending::no)
    return;
  ending_ = ending::asked;
  exit_code_ = code;
  ending_until_ = monotonic() + stop_grace;
  node_.restart_at = never;
  for (auto& each : slots_) {
    if (!each || !each->has_process() || each->phase == phase::orphan)
      continue;
    signal_child(*each, SIGTERM, protocol::scope::group);
    signal_child(*each, SIGCONT, protocol::scope::group);
  }
}

bool keeper::stopped() const {
  return std::none_of(slots_.begin(), slots_.end(), [](auto& each) {
    return each && each->has_process() && each->phase != phase::orphan;
  });
}

} // namespace duende::keeper
