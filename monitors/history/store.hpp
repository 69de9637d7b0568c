// The node's memory on disk: events, child records, desired state and the stack, in <state_dir>/duende.db (SQLite, WAL).
#pragma once

#include "core/errc.hpp"
#include "core/event.hpp"
#include "monitors/history/child_row.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace duende {

struct history_options {
  std::string node;                    ///< name of the node, for events that carry none
  std::size_t max_events = 1'000'000;  ///< kept on disk; older ones go, in batches
  duration max_age = duration::zero(); ///< 0: age alone removes nothing
  std::size_t max_queued = 200'000;    ///< events that wait for the disk; past it they are dropped and counted
  std::size_t max_ring = 10'000;       ///< events kept in memory where there is no file
  duration linger = std::chrono::milliseconds{5}; ///< how long an event waits for others to share its transaction
  /// Called from the history's thread when the disk first refuses ("cannot write '...': database or disk is full; ..."),
  /// once for each time of trouble, and when it works again. At open also for a database that was set aside.
  std::function<void(std::string)> on_trouble;
};

/// One thread of its own writes; it sleeps while there is nothing to write. Without a file there is no thread until somebody
/// follows. All members are thread-safe, and none waits for the disk but open(), load(), events(), flush() and the destructor.
///
/// Event ids grow from 1, one by one, and survive restarts of the node: an id that somebody may have seen is never given to
/// another event. After SIGKILL they go on where the disk ended, since nothing else was shown. Ids are left out only after a loss
/// of power, and after an end while the disk refused; then an event of kind `limit` says which.
class history {
public:
  using done_handler = std::function<void(caf::error)>;

  /// Opens or creates the database at `path`, mode 0600; with an empty path keeps a ring of events in memory and nothing else.
  /// A corrupt database is moved to `path`.corrupt-<time> and a fresh one begun; on_trouble gets both names.
  /// Errors: unsupported where a newer version wrote it (it is not touched), io_failure.
  static caf::expected<std::unique_ptr<history>> open(const std::string& path, history_options options = {});

  /// Writes what waits (2 s at most), ends all followers and joins the thread. Call it on no thread of the history's.
  ~history();
  history(const history&) = delete;
  history& operator=(const history&) = delete;

  /// What the file held at open; a second call finds nothing. Empty without a file.
  loaded_state load();

  /// Takes the event, gives it the next id and returns that. `id` of the argument is ignored; an `at` of zero becomes now, an
  /// empty `node` the option's. Cost: a lock and a move.
  std::int64_t record(event what);

  /// Stores the row soon; of several for one id only the last is written. Without a file it does nothing.
  void put_child(child_row row);
  /// Forgets the daemon: its row and its desired state.
  void remove_child(const uuid& id);
  /// Stores what an operator wants. `done` is called from the history's thread once that is committed, or could not be, and
  /// then nothing was changed (without a file: before put_desired returns).
  void put_desired(const uuid& id, const std::string& name, desired_state desired, done_handler done = {});
  /// Replaces the stored stack; `done` as above.
  void put_stack(std::string text, done_handler done = {});
  /// As put_stack, for a large one that nobody waits for: `text` is called from the history's thread. It must not throw.
  void put_stack_later(std::function<std::string()> text);

  /// All that was recorded before the call; waits up to 250 ms for the disk. Errors: io_failure where the file can't be read.
  caf::expected<std::vector<event>> events(const event_query& query);

  /// Calls `on_events` for each batch (at most 500) of events after `after_id`, stored ones first, from a thread of the
  /// follower's own. A slow follower slows nobody; what is no longer kept when it comes to read is told to it by an event of
  /// kind `limit`. `on_events` returns false to end. Letting the token go ends it too, and waits for a call under way (not
  /// where it is let go within that call). Null where 256 follow already.
  std::shared_ptr<void> follow(std::int64_t after_id, std::function<bool(const std::vector<event>&)> on_events);

  /// The node serves: from now on a file of an older layout may be brought up to date, see layout.hpp. The history's thread
  /// does it and says so by an event; where it can't (no room for the copy), everything goes on as it was.
  void migrate();

  /// Waits until all that was given before the call is on disk. Errors: timed_out, io_failure.
  caf::expected<void> flush(duration timeout);

  /// The id given last.
  std::int64_t last_id() const;

  struct impl;

private:
  explicit history(std::shared_ptr<impl> i);
  std::shared_ptr<impl> impl_;
};

/// The stack in the database at `path`, read without changing anything; empty where none is stored. Errors: io_failure.
caf::expected<std::string> read_stored_stack(const std::string& path);

} // namespace duende
