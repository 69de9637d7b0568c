// What the calls, the writing thread and the followers of a history share.
//
//   record() ──▶ log: [ committed, kept for followers | waits for the disk ] ──▶ writer ──▶ duende.db
//                       └──────────── read by followers and events() ─────────────────────────┘
//
// Without a file everything in `log` counts as committed, and what is over max_ring goes.
#pragma once

#include "monitors/history/jobs.hpp"
#include "monitors/history/shown_mark.hpp"
#include "monitors/history/store.hpp"
#include "monitors/history/tables.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>

namespace duende {

/// A reader waits so long for the disk to take what it asks for; then it is shown what waits, too.
inline constexpr duration reader_patience = std::chrono::milliseconds{250};
/// Committed events kept in memory: followers that keep up never read the file.
inline constexpr std::size_t kept_committed = 256;
inline constexpr std::size_t page_limit = 500;
inline constexpr std::size_t follower_limit = 256;

class follower;

/// Names the calling thread and keeps signals away from it: they are for who started us.
void name_thread(const char* name);
/// Lowers the priority of the calling thread alone (nice(2): on Linux each thread has its own).
void stand_back();

struct history::impl {
  explicit impl(history_options o) : options(std::move(o)) {}

  history_options options;
  std::string path; ///< empty: in memory only
  loaded_state loaded;

  mutable std::mutex mutex;
  std::condition_variable work, flushed;

  std::deque<event> log;     ///< ids ascend
  std::size_t committed = 0; ///< so many at the front of `log` are on disk
  std::int64_t next_id = 1;
  std::int64_t last_committed = 0; ///< on disk, or promised there
  std::int64_t published = 0;      ///< followers may read up to it
  std::int64_t shown = 0;          ///< not on disk, and yet shown up to it
  shown_mark mark;                 ///< what makes that safe
  std::int64_t drop_first = 0, drop_last = 0;

  std::unordered_map<uuid, child_row> rows;
  std::vector<history_job> jobs;
  std::uint64_t accepted = 0, durable = 0; ///< calls taken, and how many of them are on disk
  std::uint64_t failures = 0;
  std::string trouble; ///< why the disk refuses; empty while it does not
  bool urgent = false;
  bool old_layout = false; ///< of the file, and nobody has asked for its change
  bool migrate = false;    ///< somebody has
  bool sleeping = false;
  bool stopping = false;
  std::vector<follower*> waiting; ///< for events to be published
  std::vector<std::weak_ptr<follower>> followers;

  std::unique_ptr<tables> db; ///< the writer's alone once it runs
  std::thread writer;

  // All with the lock held.
  std::size_t pending() const { return log.size() - committed; }
  std::int64_t visible() const {
    const auto newest = next_id - 1;
    return path.empty() ? newest : std::min(newest, std::max(last_committed, shown));
  }
  void show_waiting();
  std::int64_t append(event&& what);
  void publish(std::int64_t id);
  void wake_writer(bool now);
  void forget_old();

  void write_loop(std::int64_t base);
  void complete(event& e) const {
    if (e.node.empty())
      e.node = options.node;
  }
};

/// One subscription: a thread that reads at its own pace.
class follower {
public:
  follower(
    std::shared_ptr<history::impl> from, std::int64_t after, std::function<bool(const std::vector<event>&)> call);
  ~follower();
  /// False where the system has no thread left.
  bool start(std::shared_ptr<follower> self);
  /// Ends it; waits for a call under way unless made from within one.
  void stop();
  /// With the history's lock held.
  void wake() { wake_.notify_one(); }
  bool ended() const { return ended_; } ///< with the history's lock held

private:
  void run();
  /// The next events, none where the end has come. Waits.
  std::vector<event> next();
  void read_memory(std::vector<event>& batch);
  void tell_gap(std::vector<event>& batch, std::int64_t oldest) const;

  std::shared_ptr<history::impl> from_;
  std::int64_t cursor_;
  std::function<bool(const std::vector<event>&)> call_;
  bool stop_ = false;  ///< under the history's lock
  bool ended_ = false; ///< under the history's lock
  std::condition_variable wake_;
  std::atomic<std::thread::id> id_{};
  std::mutex joining_;
  std::thread thread_;
};

} // namespace duende
