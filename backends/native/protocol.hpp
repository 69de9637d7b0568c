// What node and keeper say to each other: one message a packet, over a SOCK_SEQPACKET socketpair.
// A packet is a header of 8 bytes and the message's fields, in host order: both ends always are on one machine.
// Descriptors travel beside a packet (SCM_RIGHTS, unix(7)). Decoded text borrows from the packet and is 0-terminated there.
#pragma once

#include "backends/native/steps.hpp"
#include "core/uuid.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace duende::protocol {

/// Changes with every incompatible change; node and keeper compare it in hello and welcome.
inline constexpr std::uint8_t version = 4;
/// The largest packet. A larger request travels in a sealed memfd, announced by a header with flag `in_memfd` alone.
inline constexpr std::size_t max_packet = 64 * 1024;
inline constexpr std::size_t max_request = 4 * 1024 * 1024;
inline constexpr std::size_t max_record = 4096;
inline constexpr std::size_t max_groups = 65536;
inline constexpr std::size_t max_rlimits = 16;
inline constexpr std::size_t max_sockets = 64;    ///< of one child
inline constexpr std::size_t max_retained = 4096; ///< of all
inline constexpr std::size_t max_stored = 256;    ///< descriptors that one child leaves to its next life
inline constexpr std::size_t max_fd_name = 255;
inline constexpr std::size_t max_path_rights = 1024;
inline constexpr std::size_t max_filter = 4096 * 8; ///< BPF_MAXINSNS
inline constexpr std::size_t max_descriptors = 4;
inline constexpr std::size_t header_size = 8;

enum class kind : std::uint16_t {
  // from the node
  hello = 1,
  list,
  spawn,
  signal,
  forget,
  set_record,
  main_pid,
  adopt_orphan,
  end_orphan,
  finish,
  ping,
  retain_sockets,
  upgrade,
  healthy,
  store_fd,
  drop_fds,
  // from the keeper
  welcome = 64,
  channels,
  spawned,
  spawn_failed,
  exited,
  run_changed,
  held,
  orphan,
  list_end,
  refused,
  pong,
};

/// Why a request was not carried out. Every refusal is harmless to what runs.
enum class refusal : std::uint8_t {
  malformed = 1,
  unknown_kind,
  other_version,   ///< detail: the keeper's version
  too_large,       ///< detail: the limit in bytes
  unknown_id,      ///< no such slot
  old_incarnation, ///< detail: the present one
  not_running,
  still_running,     ///< detail: pid
  orphan_alive,      ///< detail: pid; adopt or end it first
  not_a_descendant,  ///< detail: pid
  too_many_children, ///< detail: the limit
  system,            ///< detail: errno
  stopping,          ///< the keeper is on its way out
  store_full,        ///< detail: the limit
};

enum class scope : std::uint8_t { process, group };
enum class stdio : std::uint8_t { null, pipe, join_stdout };

using text = std::string_view; ///< no 0 inside
using blob = std::string_view; ///< any bytes

struct hello {
  static constexpr auto type = kind::hello;
  std::uint32_t version = protocol::version;
  std::int32_t pid = 0;
};

struct list {
  static constexpr auto type = kind::list;
};

struct limit {
  std::int32_t resource = 0;
  std::uint64_t soft = 0, hard = 0;
  bool operator==(const limit&) const = default;
};

struct path_right {
  text path;
  std::uint64_t rights = 0; ///< LANDLOCK_ACCESS_FS_*
  bool operator==(const path_right&) const = default;
};

/// What the child may do from its exec on. `parts` and `optional` are of policies/confinement.hpp.
struct sandbox {
  std::uint32_t parts = 0;
  std::uint32_t optional = 0;     ///< parts without which it starts where the kernel lacks them
  std::uint64_t capabilities = 0; ///< kept
  std::uint64_t restricted = 0;   ///< rights that are refused but below `paths`
  std::vector<path_right> paths;
  bool names_calls = false; ///< the keeper does the killing for `filter`, and tells for which call
  blob filter;              ///< struct sock_filter[]
};

struct spawn {
  static constexpr auto type = kind::spawn;
  uuid id;
  std::uint32_t incarnation = 0;
  text path;
  std::vector<text> argv, env;
  text working_dir; ///< empty: the keeper's
  bool change_user = false;
  std::uint32_t uid = 0, gid = 0;
  std::vector<std::uint32_t> groups;
  std::vector<limit> limits;
  text cgroup;
  bool no_new_privileges = false;
  protocol::sandbox sandbox;
  stdio out = stdio::pipe, err = stdio::pipe;
  uuid output_of; ///< not nil: the slot whose pipes it gets, made where there is none
  text notify_path;
  std::int32_t ready_fd = -1;
  /// The child's descriptors from 3 on, see core/listen_address.hpp. Those that are not held yet are opened.
  std::vector<text> sockets, socket_names;
  blob record;
};

/// Closes every socket that is held and not named here.
struct retain_sockets {
  static constexpr auto type = kind::retain_sockets;
  std::vector<text> sockets;
};

struct signal {
  static constexpr auto type = kind::signal;
  uuid id;
  std::uint32_t incarnation = 0;
  std::int32_t number = 0;
  protocol::scope scope = scope::process;
};

struct forget {
  static constexpr auto type = kind::forget;
  uuid id;
};

struct set_record {
  static constexpr auto type = kind::set_record;
  uuid id;
  std::uint32_t incarnation = 0;
  blob record;
};

struct main_pid {
  static constexpr auto type = kind::main_pid;
  uuid id;
  std::uint32_t incarnation = 0;
  std::int32_t pid = 0;
};

struct adopt_orphan {
  static constexpr auto type = kind::adopt_orphan;
  uuid id;
  std::uint32_t incarnation = 0;
  text cgroup, notify_path;
  std::vector<text> sockets; ///< it has them still, as its descriptors from 3 on
  blob record;
};

struct end_orphan {
  static constexpr auto type = kind::end_orphan;
  uuid id;
  std::int32_t number = 0;
};

struct finish {
  static constexpr auto type = kind::finish;
  std::int32_t code = 0;
};

struct ping {
  static constexpr auto type = kind::ping;
  std::uint64_t token = 0;
};

/// The node is about to exit, so that the program on disk takes its place. Answered by a pong, or refused. Where the new
/// one is not healthy in time, the program that ran until now is started again.
struct upgrade {
  static constexpr auto type = kind::upgrade;
  std::uint32_t patience_ms = 30'000;
};

/// The node serves.
struct healthy {
  static constexpr auto type = kind::healthy;
};

/// With one descriptor, which its next lives get after their sockets. One that is held already is not held twice.
struct store_fd {
  static constexpr auto type = kind::store_fd;
  uuid id;
  std::uint32_t most = 0; ///< so many of this daemon's
  bool poll = true;       ///< a hang-up or an error on it lets it go
  text name;              ///< in LISTEN_FDNAMES
};

/// Closes what is stored under that name; without one all of it.
struct drop_fds {
  static constexpr auto type = kind::drop_fds;
  uuid id;
  text name;
};

/// With two descriptors: read and write end of the stage pipe.
struct welcome {
  static constexpr auto type = kind::welcome;
  std::uint32_t version = protocol::version;
  std::int32_t keeper_pid = 0;
  std::uint32_t generation = 0;
};

enum channel : std::uint8_t { channel_out = 1, channel_err = 2, channel_notify = 4, channel_ready = 8 };

/// With one descriptor per bit of `mask`, lowest bit first.
struct channels {
  static constexpr auto type = kind::channels;
  uuid id;
  std::uint8_t mask = 0;
};

/// Its exec has succeeded.
struct spawned {
  static constexpr auto type = kind::spawned;
  uuid id;
  std::uint32_t incarnation = 0;
  std::int32_t pid = 0;
  std::uint64_t start_time = 0;
};

struct spawn_failed {
  static constexpr auto type = kind::spawn_failed;
  uuid id;
  std::uint32_t incarnation = 0;
  protocol::step step = step::exec;
  std::int32_t error = 0; ///< errno
  text subject;           ///< the folder, program, ... of the step
};

/// Times in nanoseconds; started and ended of CLOCK_MONOTONIC.
struct exited {
  static constexpr auto type = kind::exited;
  uuid id;
  std::uint32_t incarnation = 0;
  std::int32_t pid = 0;
  std::int32_t status = 0; ///< of wait(2); unknown_status for a process that was not the keeper's own child
  std::uint64_t user = 0, system = 0, max_rss_bytes = 0;
  std::uint64_t started = 0, ended = 0, ended_wall_ms = 0;
  /// The system call that it was killed for by its own filter, of that AUDIT_ARCH_*; -1: none that the keeper knows of.
  std::int32_t refused_call = -1;
  std::uint32_t call_arch = 0;
};
inline constexpr std::int32_t unknown_status = -1;

struct run_changed {
  static constexpr auto type = kind::run_changed;
  uuid id;
  std::uint32_t incarnation = 0;
  bool stopped = false;
};

/// One slot of the list, with descriptors as in `channels`. A failed start has pid 0; its spawn_failed follows the list.
struct held {
  static constexpr auto type = kind::held;
  exited process; ///< status, usage and ended only where it does not run
  std::uint64_t start_time = 0;
  bool running = false, stopped = false;
  std::uint8_t mask = 0;
  blob record;
};

/// A process that a killed keeper left behind.
struct orphan {
  static constexpr auto type = kind::orphan;
  uuid id;
  std::int32_t pid = 0;
  std::uint64_t start_time = 0;
};

struct list_end {
  static constexpr auto type = kind::list_end;
};

struct refused {
  static constexpr auto type = kind::refused;
  kind request{};
  refusal why{};
  uuid id;
  std::uint32_t incarnation = 0;
  std::int64_t detail = 0;
};

struct pong {
  static constexpr auto type = kind::pong;
  std::uint64_t token = 0;
};

struct header {
  protocol::kind kind{};
  std::uint8_t version = 0;
  bool in_memfd = false;
};

/// Reads the header alone; false where the packet is too short or not ours.
bool read_header(std::string_view packet, header& out);
/// The packet that announces a request in a memfd, and whose start it is: also one that can't be read is told of by its name.
std::string memfd_announcement(kind what, const uuid& id = {}, std::uint32_t incarnation = 0);
/// Id and incarnation, with which an announcement and most requests begin; false where they are not there. A keeper or node of
/// before may announce without them.
bool read_subject(std::string_view packet, uuid& id, std::uint32_t& incarnation);

/// Replaces `out` by the packet of `message`.
template <class Message>
void encode(std::string& out, const Message& message);
/// False where `packet` is not exactly one well-formed `Message` within the limits. Borrowing members point into `packet`.
template <class Message>
bool decode(std::string_view packet, Message& message);

} // namespace duende::protocol
