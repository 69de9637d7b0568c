// The side channels of daemons: sd_notify sockets, readiness descriptors and short helper processes. Routes what they say to
// the incarnation of the day, and marks readiness in the keeper before the message that told it is consumed.
#pragma once

#include "actors/services.hpp"
#include "backends/native/link.hpp"
#include "core/exit_reason.hpp"
#include "core/spec.hpp"
#include "monitors/probes/notify.hpp"
#include "monitors/probes/probe.hpp"

#include <caf/actor_addr.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

namespace duende {

/// What a helper process printed, and its end.
struct helper_output {
  static constexpr std::size_t most = 1 << 20; ///< bytes; of more than these the last half is kept
  bool with_stderr = false;
  std::mutex mutex;
  std::string text;               ///< guarded by mutex; complete once `end` is there
  std::optional<exit_reason> end; ///< likewise
};
using helper_output_ptr = std::shared_ptr<helper_output>;

/// All members are thread-safe.
class channels {
public:
  /// `report` gets the daemon's name and a sentence about what it sent and is not taken.
  using reporter = std::function<void(const std::string& name, const std::string& sentence)>;
  explicit channels(reactor& io, reporter report = {}) : io_(io), report_(std::move(report)) {}

  void use(std::shared_ptr<keeper_link> link);

  /// Takes over the notify and ready descriptors of `what`.
  void arrived(const daemon_channels& what);
  /// From now on `to` hears of daemon `id` (notify_note, probe_note). `record` is what the keeper holds for that incarnation.
  /// Only what is seen as `ready` makes it ready. It may leave `store_max` descriptors to its next life.
  void listen(
    const uuid& id, std::uint32_t incarnation, std::string record, caf::actor_addr to, readiness_type ready,
    std::uint32_t store_max = 0);
  /// `record` is about to replace what the keeper holds. Readiness that was seen already is put into it.
  void replace(const uuid& id, std::uint32_t incarnation, std::string& record);
  /// A process that lived on: known ahead of `listen`, since what it sent waits on its socket.
  void resumed(const uuid& id, pid_t pid, const std::string& record, std::uint32_t store_max);
  /// Its process runs; only that one's messages and its descendants' count.
  void launched(const uuid& id, pid_t pid);
  /// Its process has ended: what it sent before is acted upon now, ahead of what the end sets off. On the reactor's thread.
  void ended(const uuid& id);
  /// The keeper did not take a descriptor.
  void store_refused(const uuid& id, const std::string& why);
  /// Nobody hears any more; the descriptors stay for the next incarnation.
  void silence(const uuid& id);
  /// Closes the daemon's descriptors.
  void drop(const uuid& id);
  /// Readiness was seen, in that way: the keeper knows it before anything else happens.
  void mark_ready(const uuid& id, readiness_type seen);

  /// Starts a helper process (a probe); `done` is called on the reactor's thread with its end.
  exec_cancel
  launch_helper(const launch_request& request, std::function<void(exit_reason)> done, helper_output_ptr output = {});
  /// Takes over the pipes of a helper whose output is wanted; false where they are nobody's. On the reactor's thread.
  bool helper_arrived(const daemon_channels& what);
  /// The end of a process: true where it was a helper's.
  bool helper_ended(const uuid& id, const exit_reason& reason);

private:
  struct entry {
    std::uint32_t incarnation = 0;
    std::string record;
    caf::actor_addr to;
    std::unique_ptr<notify_channel> notify;
    probe_ptr ready;
    pid_t pid = 0; ///< 0: not known
    readiness_type ready_by = readiness_type::none;
    std::uint32_t store_max = 0;
    bool complained = false; ///< once for each incarnation
  };

  struct helper {
    std::function<void(exit_reason)> done;
    helper_output_ptr output;
    int out = -1; ///< watched by the reactor, on whose thread alone it is used
  };

  void read_helper(const uuid& id);
  template <class Message>
  void tell(const uuid& id, Message message);
  void begin_ready(const uuid& id, int fd);
  bool is_foreign(const uuid& id, pid_t sender, bool when_gone);
  void take_descriptors(const uuid& id, const notify_message& message, pid_t sender, std::vector<int>& fds);
  void complain(const uuid& id, const std::string& why);

  reactor& io_;
  const reporter report_;
  std::mutex mutex_;
  std::shared_ptr<keeper_link> link_;
  std::unordered_map<uuid, entry> entries_;
  std::unordered_map<uuid, int> early_ready_; ///< arrived before anybody listened
  std::unordered_map<uuid, helper> helpers_;
};

} // namespace duende
