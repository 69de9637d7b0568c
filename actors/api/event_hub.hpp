// Sends events to everybody who follows them, from one thread. Each event becomes text once; nobody waits for anybody.
#pragma once

#include "actors/api/routes.hpp"
#include "actors/api/wake_fd.hpp"

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace duende::api {

/// An event as the stream has it: "id: 7\ndata: {...}\n\n".
std::string as_message(const event& x);

/// Whether a follower who asked for `filter` is sent `x`: what it selects, and what tells of a gap, which concerns everybody.
bool reaches(const event_query& filter, const event& x);

/// Thread-safe. Remembers a bounded number of events; a follower that reads so slowly that it would miss one is cut off, and asks
/// again with the id that it has seen last. Idle, and without a thread in the history, while nobody follows.
class event_hub {
public:
  static constexpr std::size_t max_events = 4096;
  static constexpr std::size_t max_bytes = 2 * 1024 * 1024;

  /// `stop_fd` becomes readable, for good, when all streams are to end. Both outlive the hub.
  event_hub(control& node, int stop_fd);
  ~event_hub();
  event_hub(const event_hub&) = delete;
  event_hub& operator=(const event_hub&) = delete;

  /// Whether `take` will go on from `last` as far as can be told; makes ready for it.
  bool prepare(std::int64_t last);
  /// Goes on with a stream that has had every event up to `last` that `filter` selects. False, and the stream untouched, where
  /// what follows `last` is no longer remembered: then it has to be read from the history first.
  bool take(response_stream& stream, const event_query& filter, std::int64_t last);

private:
  struct entry {
    event what;
    std::string text;
  };
  struct follower {
    std::unique_ptr<connection> peer;
    bool chunked = true;
    event_query filter;
    std::int64_t last = 0;
    std::shared_ptr<const std::string> piece; ///< being sent
    std::size_t sent = 0;
    bool blocked = false; ///< until the peer reads
  };
  /// What several followers are sent who are at the same point.
  struct shared_piece {
    std::int64_t after = -1;
    bool chunked = true;
    std::shared_ptr<const std::string> text;
    std::int64_t last = 0;
  };

  /// What the history's thread and ours share; a late call of the history finds it, whatever became of the hub.
  struct memory {
    wake_fd wake;
    std::mutex mutex; ///< of what follows
    std::condition_variable flushed;
    std::deque<entry> events;
    std::size_t fresh =
      0; ///< came since the last flush: too many, and the history waits, so that who reads misses nothing
    std::size_t bytes = 0;
    std::int64_t covered_after = 0;  ///< every event with a larger id is in `events`, or still to come
    std::uint64_t subscriptions = 0; ///< how many there were: a call of an old one is ignored
    std::vector<follower> incoming;
    bool ended = false;

    bool remember(const std::vector<event>& batch, std::uint64_t subscription);
    bool covers(std::int64_t last);
  };

  bool ready(std::int64_t last); // with the lock held, as the next
  bool begin(std::int64_t after);
  void run();
  bool handle(int fd, std::uint32_t events);
  void flush();
  bool next_piece(follower& to);
  bool advance(follower& to);
  void rest();
  void end_all();

  control& node_;
  std::shared_ptr<memory> memory_ = std::make_shared<memory>();
  std::shared_ptr<void> subscription_; ///< with the memory's lock
  int stop_fd_;
  int epoll_;
  std::thread thread_;
  std::map<int, follower> followers_; ///< by descriptor; of the thread alone, as is what follows
  shared_piece shared_;
};

} // namespace duende::api
