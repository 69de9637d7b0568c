// What daemons say through $NOTIFY_SOCKET: the datagrams of sd_notify(3).
#pragma once

#include "core/reactor.hpp"
#include "core/time.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace duende {

/// One datagram. Keys that it does not hold are empty; keys that duende does not know are skipped.
struct notify_message {
  bool ready = false;                        ///< READY=1
  bool reloading = false;                    ///< RELOADING=1, ended by the next READY=1
  bool stopping = false;                     ///< STOPPING=1
  bool watchdog = false;                     ///< WATCHDOG=1: alive
  bool watchdog_trigger = false;             ///< WATCHDOG=trigger: treat as a missed interval, now
  std::optional<std::string> status;         ///< STATUS: one line of UTF-8 without control characters; may be empty
  std::optional<pid_t> main_pid;             ///< MAINPID, above zero
  std::optional<duration> watchdog_interval; ///< WATCHDOG_USEC, zero to switch it off
  std::optional<duration> extend_timeout;    ///< EXTEND_TIMEOUT_USEC, from now
  std::optional<instant> monotonic_at;       ///< MONOTONIC_USEC, sent with RELOADING
  std::optional<int> error_number;           ///< ERRNO
  std::optional<std::string> bus_error;      ///< BUSERROR
  bool fd_store = false;                     ///< FDSTORE=1: keep the descriptors beside it for the next life
  bool fd_store_remove = false;              ///< FDSTOREREMOVE=1: let go of those of that name
  bool fd_poll = true;                       ///< false for FDPOLL=0: keep them also when hung up
  std::optional<std::string> fd_name;        ///< FDNAME, fit for LISTEN_FDNAMES
  /// Why keys were not taken, for the daemon's author: "MAINPID='x' is not a process id". Four at the most.
  std::vector<std::string> problems;

  bool operator==(const notify_message&) const = default;
};

/// Longer datagrams are refused, as by systemd (its limit is a page).
inline constexpr std::size_t notify_max_bytes = 4096;

/// Reads the lines KEY=VALUE of a datagram. Total: a value that can't be taken is left out and told of in `problems`, the rest
/// counts. Of a repeated key the first counts.
notify_message parse_notify(std::string_view datagram);

/// Reads a bound AF_UNIX datagram socket as messages come. A datagram is taken off the socket only when the callback for it has
/// returned: a node killed in between meets it again, so callbacks have to bear repetition.
class notify_channel {
public:
  /// On the reactor's thread. `sender` is the process that sent it, by the kernel's word (0 where the kernel does not tell).
  /// May destroy the channel.
  using callback = std::function<void(const notify_message& message, pid_t sender)>;
  /// For a datagram that is about descriptors, ahead of the callback for it. Those that are taken from `fds` (and left as -1)
  /// belong to the callee; after a crash of the node the same come again as other numbers.
  using fd_callback = std::function<void(const notify_message& message, pid_t sender, std::vector<int>& fds)>;

  /// Owns `fd` from now on. The reactor must outlive the channel. The holder of the socket should set SO_PASSCRED when binding it,
  /// since messages sent earlier than this constructor ran carry no sender otherwise.
  notify_channel(reactor& on, int fd, callback on_message, fd_callback on_descriptors = {});
  /// Closes the descriptor. Thread-safe; a callback that runs on the reactor's thread meanwhile still finishes.
  ~notify_channel();
  notify_channel(const notify_channel&) = delete;
  notify_channel& operator=(const notify_channel&) = delete;

  /// A call that acts on what lies on the socket now, without waiting for epoll. For the reactor's thread; it may outlive the channel.
  std::function<void()> reader() const;

  /// False where epoll refused the descriptor: nothing will ever come.
  bool watching() const;

private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

} // namespace duende
