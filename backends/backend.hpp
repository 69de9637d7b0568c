// What a platform must be able to do, and the values that cross that boundary.
// The native backend hands these to the keeper; other platforms translate them. Nothing here decides anything.
#pragma once

#include "core/exit_reason.hpp"
#include "core/time.hpp"
#include "core/uuid.hpp"

#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace duende {

struct confinement;

/// Whom a signal goes to: the main process, or its whole process group (and with SIGKILL its cgroup, where it has one).
enum class signal_scope : std::uint8_t { process, group };

enum class stdio_mode : std::uint8_t { null, pipe, join_stdout };

/// One start of one daemon, everything resolved: absolute paths, numeric users, the complete environment.
struct launch_request {
  uuid id; ///< of the daemon; the same for all its incarnations
  std::uint32_t incarnation = 1;
  std::string path;              ///< execve's first argument
  std::vector<std::string> argv; ///< argv[0] included
  std::vector<std::string> env;  ///< "KEY=VALUE"
  std::string working_dir;
  bool change_user = false;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  std::vector<std::pair<int, rlimit>> rlimits;
  std::string
    cgroup; ///< existing cgroup folders to enter, one a line (version 1 has one for each controller); empty: stay
  bool no_new_privileges = false;
  std::shared_ptr<const confinement> sandbox; ///< policies/confinement.hpp; null: none
  stdio_mode out = stdio_mode::pipe;
  stdio_mode err = stdio_mode::pipe;
  uuid output_of;          ///< not nil: pipes are those of that daemon, which may or may not run
  std::string notify_path; ///< the keeper binds a datagram socket there and holds it; NOTIFY_SOCKET is in `env` already
  int ready_fd = -1;       ///< number of the descriptor a `ready.type = "fd"` daemon writes to
  /// (listen, name): sockets that the keeper opens and holds, the child's descriptors from 3 on with LISTEN_FDS.
  std::vector<std::pair<std::string, std::string>> sockets;
  std::string record; ///< opaque to the backend; kept with the child, given back on adoption (at most 4 KiB)
};

struct launched {
  uuid id;
  std::uint32_t incarnation = 0;
  pid_t pid = 0;
  std::uint64_t start_time = 0; ///< /proc/PID/stat field 22: with boot id and pid the identity of a process
};

struct launch_failure {
  uuid id;
  std::uint32_t incarnation = 0;
  std::string text; ///< "cannot enter working_dir '/nope': No such file or directory"
};

struct process_usage {
  duration user{}, system{};
  std::uint64_t max_rss_bytes = 0;
};

/// process_exit::status where nobody could learn it: the process was adopted and not the keeper's own child.
inline constexpr int unknown_status = -1;

struct process_exit {
  uuid id;
  std::uint32_t incarnation = 0;
  pid_t pid = 0;
  int status = 0; ///< as wait(2) gives it
  process_usage usage;
  instant started_at{}, ended_at{}; ///< CLOCK_MONOTONIC
  wall_time ended_wall{};
  std::int32_t refused_call = -1; ///< the system call that its seccomp filter killed it for; -1: none, or not known
  std::uint32_t call_arch = 0;    ///< AUDIT_ARCH_*, whose number it is
};

/// Someone stopped (SIGSTOP) or continued the process.
struct run_change {
  uuid id;
  std::uint32_t incarnation = 0;
  bool stopped = false;
};

/// Descriptors that belong to a daemon across its incarnations. The receiver owns them; -1 where there is none.
struct daemon_channels {
  uuid id;
  int out = -1;    ///< read end of stdout
  int err = -1;    ///< read end of stderr
  int notify = -1; ///< sd_notify datagram socket
  int ready = -1;  ///< read end of the readiness pipe
};

/// A child that the backend already holds when the node connects: running, or ended and not yet acknowledged.
struct held_child {
  launched process;
  bool running = false;
  bool stopped = false;
  process_exit exit; ///< where not running
  instant started_at{};
  std::string record;
  daemon_channels channels;
};

} // namespace duende
