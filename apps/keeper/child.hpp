// From clone to exec: what happens inside the new process.
#pragma once

#include "apps/keeper/ledger.hpp"
#include "backends/native/protocol.hpp"

#include <sys/resource.h>

#include <string>
#include <vector>

namespace duende::keeper {

/// What the child reports when a step fails, through `status` in one write.
struct child_report {
  protocol::step step;
  std::int32_t error;
  char subject[512]; ///< 0-terminated, possibly cut
};

struct child_plan {
  const protocol::spawn* request = nullptr;
  char* const* argv = nullptr; ///< points into the request's packet
  char* const* env = nullptr;
  int null_fd = -1, out = -1, err = -1, ready = -1; ///< -1 where not wanted
  const int* sockets = nullptr;                     ///< its descriptors from 3 on
  int socket_count = 0;
  char* listen_pid = nullptr;         ///< where its pid is written in `env`; room for 12 characters
  int status = -1;                    ///< write end, close-on-exec: its closing without a report is the success
  int notices = -1;                   ///< where it sends what the keeper is to hold; -1: nowhere
  int network = -1;                   ///< the namespace of its life before; -1: none
  const rlimit* open_files = nullptr; ///< the limit to give back where the request sets none
  ledger* book = nullptr;
  std::uint32_t index = 0;
  std::uint64_t before = 0, tick = 1;   ///< CLOCK_BOOTTIME ahead of clone; nanoseconds of a clock tick
  std::uint32_t* apart = nullptr;       ///< set to 1 once the child has descriptors of its own; null where it began so
  int staged_begin = 0, staged_end = 0; ///< the numbers of all flights; those below the end it takes along
  int first_staged = 0;                 ///< its own ones
};

/// A start under way in the keeper's own memory: the child reads the request here and runs on this stack until its exec.
/// That halves what a start costs the keeper. It is not done where the child changes its user or enters a cgroup: out of
/// memory there, the kernel would kill whoever shares the child's memory.
///
/// The child begins with the keeper's own table of descriptors and leaves it at once, taking the low ones along: with 1,000
/// daemons there are 3,000 others, and to copy them for each start and close them at its exec costs more than all the rest.
struct flight {
  static constexpr std::size_t stack_size = 16 * 1024;
  static constexpr int staged_count = 4; ///< status, out, err, ready
  char* stack = nullptr;
  bool busy = false;
  std::string packet;
  protocol::spawn request;
  std::vector<char*> argv, env;
  child_plan plan;
  int first_staged = -1;   ///< its descriptors' numbers: reserved, always open
  bool staged = false;     ///< they hold what the child was given
  std::uint32_t apart = 0; ///< a futex: see child_plan

  /// Makes the stack; false where there is no memory or the machine has no raw calls.
  bool prepare();
  /// Waits until the child has descriptors of its own, `nanoseconds` at most. Whether it has.
  bool await_apart(std::uint64_t nanoseconds);
};
/// Whether a start may share the keeper's memory.
bool may_share(const protocol::spawn& request);

/// A fork-like clone3 with a pidfd. Returns as fork(2) does; `pidfd` is close-on-exec.
pid_t fork_with_pidfd(int& pidfd);
/// The same for a child that shares memory until it executes; it goes on in become_child. Only in the parent it returns.
pid_t launch_sharing(flight& start, int& pidfd);
/// Sets the child up and executes it, or reports and exits with 127.
[[noreturn]] void become_child(const child_plan& plan);
/// Empties the signal mask; dispositions are default in the keeper already.
void unblock_signals();

// The child's side.
/// Tells of the step that failed, and ends the child. `result` is a negative errno.
[[noreturn]] void report(const child_plan& plan, protocol::step failed, long result, std::string_view subject = {});
/// `value` in decimal digits at the end of `buffer`.
std::string_view digits(std::uint32_t value, char (&buffer)[12]);

/// Fills `pointers` with the strings (which are 0-terminated where they lie) and a final null.
void as_pointers(const std::vector<protocol::text>& strings, std::vector<char*>& pointers);

} // namespace duende::keeper
