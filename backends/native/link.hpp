// The node's end of the keeper protocol. Requests never block; what the keeper tells arrives as calls on the reactor's thread.
#pragma once

#include "backends/backend.hpp"
#include "core/errc.hpp"
#include "core/reactor.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace duende {

/// A living process that a killed keeper left behind. Until it is adopted or ended, a launch of its id is refused.
struct orphan_process {
  uuid id;
  pid_t pid = 0;
  std::uint64_t start_time = 0;
  instant started_at{}; ///< in truth, not when it was found
};

/// Called on the reactor's thread, one at a time, in the order in which things happened to a daemon. Empty ones are skipped.
struct link_events {
  std::function<void(launched)> on_launched; ///< its exec has succeeded
  std::function<void(launch_failure)> on_launch_failed;
  std::function<void(process_exit)> on_exit; ///< an orphan that was not adopted comes with incarnation 0
  std::function<void(run_change)> on_run_change;
  std::function<void(daemon_channels)> on_channels; ///< new ones only, the others are -1; the callee owns them
  /// A descriptor that a daemon wanted to leave to its next life is not kept.
  std::function<void(uuid, std::string)> on_store_refused;
  std::function<void(std::string)> on_refused; ///< a request that came too late or made no sense; for the log
  std::function<void(std::string)> on_lost;    ///< the keeper is gone; the last call
};

/// All members but `start` and `list` may be called from any thread.
class keeper_link {
public:
  /// Greets the keeper at the other end of `fd` (a connected SOCK_SEQPACKET socket, owned from here on) and fetches what it holds.
  /// Blocks up to 10 s. Errors: unreachable, timed_out, protocol_error (another version).
  static caf::expected<std::unique_ptr<keeper_link>> connect(reactor& io, int fd, link_events events);
  ~keeper_link();
  keeper_link(const keeper_link&) = delete;
  keeper_link& operator=(const keeper_link&) = delete;

  /// What the keeper held at `connect`; the caller owns the descriptors. A second call returns nothing.
  std::vector<held_child> list();
  std::vector<orphan_process> orphans() const;
  /// Begins the calls of `link_events`; what happened since `connect` comes first. Call it once.
  void start();
  /// Ends the calls of `link_events`, for good: none is under way when this returns, but for the one that makes it.
  void silence();

  /// A pipe of the keeper's that outlives the node: bytes parked there are neither lost nor repeated. Owned by the link.
  int stage_read_fd() const;
  int stage_write_fd() const;
  /// 1, plus one for each time the keeper had to start the node again.
  std::uint32_t generation() const;
  pid_t keeper_pid() const;

  /// Ends in on_launched or on_launch_failed. Replaces the last exit and the record of the same id.
  void launch(const launch_request& request);
  void signal(const uuid& id, std::uint32_t incarnation, int number, signal_scope scope);
  /// Drops the slot: acknowledges its exit, closes its pipes. Refused while it runs. Drain the pipes first.
  void forget(const uuid& id);
  /// At most 4 KiB; larger ones are refused.
  void set_record(const uuid& id, std::uint32_t incarnation, std::string record);
  /// Another process, descended from the daemon's, is its main process from now on (sd_notify's MAINPID=).
  void main_pid(const uuid& id, std::uint32_t incarnation, pid_t pid);
  /// Takes an orphan over as incarnation `incarnation`, with the sockets that it has as its descriptors from 3 on: ends in on_channels and on_launched. Its later exit has unknown_status.
  void adopt_orphan(
    const uuid& id, std::uint32_t incarnation, std::string record, std::string notify_path, std::string cgroup,
    const std::vector<std::string>& sockets = {});
  /// Closes every held socket that is not named. At most 4096.
  void retain_sockets(const std::vector<std::string>& sockets);
  /// Keeps `fd` (owned from here on) for the daemon's next lives, at most `most` of them; see protocol::store_fd.
  void store_fd(const uuid& id, const std::string& name, bool poll, std::uint32_t most, int fd);
  /// Lets go of what is kept under that name; of all where it is empty.
  void drop_fds(const uuid& id, const std::string& name);
  /// Sends a signal to an orphan's process group; its end comes as on_exit with incarnation 0.
  void end_orphan(const uuid& id, int number);
  /// Whether the keeper can start the program on disk once this node has exited. Then it does so, and goes back to the
  /// present program where the new one is not healthy within `patience`. Blocks up to 5 s; not on the reactor's thread.
  caf::expected<void> upgrade(duration patience);
  /// This node serves: an upgrade to it has succeeded.
  void healthy();
  /// The keeper ends with `code` once this node process has ended, after ending what still runs.
  void finish(int code);

private:
  struct impl;
  explicit keeper_link(std::shared_ptr<impl> state);
  std::shared_ptr<impl> impl_;
};

} // namespace duende
