// The tables of duende.db: how the file is opened, checked and set aside, and each statement that reads or writes it.
#pragma once

#include "core/event.hpp"
#include "monitors/history/child_row.hpp"
#include "monitors/history/database.hpp"
#include "monitors/history/layout.hpp"
#include "monitors/history/shown_mark.hpp"

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace duende {

/// As it is stored.
inline std::int64_t milliseconds_of(wall_time at) { return at.time_since_epoch().count(); }

/// What open found.
struct found_state {
  loaded_state state;
  std::int64_t base = 0; ///< no id below was or will be given by this process
  std::string gap;       ///< why ids are left out before `base`; empty: none are
  shown_mark mark;       ///< beside the file
  std::string set_aside; ///< a damaged database was found and moved; the words for it
};

/// The writing connection with its prepared statements.
class tables {
public:
  /// Creates the file (mode 0600) or opens it, sets a damaged one aside, and reads what it holds.
  static caf::expected<std::unique_ptr<tables>> open(const std::string& path, found_state& found);

  /// Notes durably, with all that was written before, that ids from `base` on are being given. Comes before the first event,
  /// and on the writing thread: it waits for the disk. False where that refuses.
  bool mark_open(std::int64_t base);
  /// Runs `work` in a transaction; an error's text is given back, empty for success.
  std::string transact(const std::function<int()>& work);

  int insert(const event& what);
  int upsert(const child_row& row);
  int remove(const uuid& id);
  int set_desired(const uuid& id, const std::string& name, desired_state desired);
  int set_stack(const std::string& text);
  /// Deletes the oldest `at_most` events at the most, only those before `before`. Adds to `deleted`.
  int prune(std::int64_t at_most, wall_time before, std::int64_t& deleted);
  std::int64_t event_count();
  bool has_old_layout() const { return old_; }
  /// Brings an older layout up to this program's and keeps a copy of the file as it was. What was done in words, empty for
  /// nothing; an error's text in `failure`, and then nothing has changed.
  std::string migrate(const std::string& path, std::string& failure);
  /// Notes that nothing is missing, and folds the write-ahead log into the file.
  void close_clean();
  void release_memory() { db_.release_memory(); }

private:
  tables() = default;
  int prepare();
  int prepare_marks();
  int put_mark(std::int64_t id, std::int64_t at);

  sqlite::database db_;
  sqlite::statement insert_, upsert_, remove_child_, remove_desired_, desired_, stack_, prune_, begin_, commit_,
    rollback_, mark_, prune_marks_;
  // What the next mark says, see layout.hpp. After a rollback it says more than it must.
  std::int64_t marked_ = 0, newest_at_ = 0;
  bool old_ = false;
};

/// Reads from a file that another connection may be writing, on a connection of its own.
struct event_page {
  std::vector<event> events; ///< ascending
  std::int64_t oldest = 0;   ///< id of the oldest event kept; 0: none
};
/// The newest `query.limit` matching events.
caf::expected<event_page> read_newest(const std::string& path, const event_query& query);
/// The first `limit` events with after < id <= until.
caf::expected<event_page>
read_after(const std::string& path, std::int64_t after, std::int64_t until, std::size_t limit);

} // namespace duende
