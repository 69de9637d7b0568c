// The state behind keeper_link: what is sent under a lock, what is received on one thread.
#pragma once

#include "backends/native/link.hpp"
#include "backends/native/protocol.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>

namespace duende {

struct keeper_link::impl : std::enable_shared_from_this<keeper_link::impl> {
  impl(reactor& where, int socket, link_events calls);
  ~impl();

  /// Sends at once or queues. A message that can't travel is refused to the caller's events.
  template <class Message>
  void send(const Message& message, int beside = -1);
  void refuse_launch(const uuid& id, std::uint32_t incarnation, std::string why);

  /// Reads what is there and acts on it; false at the end of the stream.
  bool receive();
  void on_ready(std::uint32_t events);
  void begin_calls();

  reactor& io;
  const int fd;
  link_events events;
  std::atomic<bool> closed = false;
  std::recursive_mutex calling; ///< held during a call of `events`

  struct outgoing {
    std::string packet;
    int memfd = -1;
  };
  std::mutex sending;
  std::deque<outgoing> queue; ///< of what the socket would not take; guarded by `sending`, like the next three
  std::size_t queued_bytes = 0;
  bool watched = false;
  std::string scratch;

  std::mutex upgrading; ///< one at a time: they share the answer
  std::mutex answering;
  std::condition_variable answered;
  std::optional<caf::error> answer; ///< to an upgrade: none for yes; guarded by `answering`

  // Of the receiving thread: the connecting one, then the reactor's.
  bool listed = false, calls_began = false, ended = false;
  std::string rejection;
  std::vector<held_child> held;
  std::vector<orphan_process> orphans;
  std::deque<std::function<void()>> early; ///< happened ahead of start()
  int stage[2] = {-1, -1};
  std::uint32_t generation = 0;
  pid_t keeper_pid = 0;

private:
  struct descriptors;
  enum class sent { done, blocked, later, failed };
  sent put(const std::string& packet, int memfd);
  void submit(std::string packet, int memfd, sent why);
  void flush_soon();
  bool overloaded(std::size_t more) const;
  void flush();
  void handle(std::string_view packet, descriptors& fds);
  void on_held(std::string_view packet, descriptors& fds);
  void on_refused(std::string_view packet);
  void answer_upgrade(caf::error what);
  void lost();
  /// Runs `call` now, or with start() where that is yet to come.
  void tell(std::function<void()> call);
};

} // namespace duende
