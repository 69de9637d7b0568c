#include "monitors/history/tables.hpp"

#include <algorithm>
#include <limits>

namespace duende {
namespace {

std::string_view bytes_of(const uuid& id) { return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()}; }

void bind_or_null(sqlite::statement& s, int at, const std::string& text) {
  if (text.empty())
    s.bind_null(at);
  else
    s.bind(at, text);
}

} // namespace

int tables::prepare() {
  insert_ = db_.prepare("INSERT OR REPLACE INTO events VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
  upsert_ =
    db_.prepare("INSERT OR REPLACE INTO children VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)");
  remove_child_ = db_.prepare("DELETE FROM children WHERE id = ?1");
  remove_desired_ = db_.prepare("DELETE FROM desired WHERE id = ?1");
  desired_ = db_.prepare("INSERT OR REPLACE INTO desired VALUES(?1, ?2, ?3)");
  stack_ = db_.prepare("INSERT OR REPLACE INTO documents VALUES('stack', ?1)");
  prune_ = db_.prepare("DELETE FROM events WHERE id IN (SELECT id FROM events ORDER BY id LIMIT ?1) AND at < ?2");
  begin_ = db_.prepare("BEGIN IMMEDIATE");
  commit_ = db_.prepare("COMMIT");
  rollback_ = db_.prepare("ROLLBACK");
  const bool all = insert_ && upsert_ && remove_child_ && remove_desired_ && desired_ && stack_ && prune_ && begin_
                   && commit_ && rollback_;
  return all ? prepare_marks() : SQLITE_ERROR;
}

/// Goes on where the marks end; nothing to do in a layout without them.
int tables::prepare_marks() {
  const auto version = db_.integer("PRAGMA user_version").value_or(0);
  old_ = version < schema_version;
  if (version < 2)
    return SQLITE_OK;
  mark_ = db_.prepare("INSERT OR REPLACE INTO marks VALUES(?1, ?2)");
  prune_marks_ = db_.prepare("DELETE FROM marks WHERE id < (SELECT min(id) FROM events)");
  if (!mark_ || !prune_marks_)
    return SQLITE_ERROR;
  int code = SQLITE_OK;
  marked_ = db_.integer("SELECT max(id) FROM marks", &code).value_or(0);
  newest_at_ = db_.integer("SELECT max(newest_at) FROM marks").value_or(std::numeric_limits<std::int64_t>::min());
  if (code != SQLITE_ROW)
    return code;
  auto rest = db_.prepare("SELECT id, at FROM events WHERE id > ?1 ORDER BY id");
  rest.bind(1, marked_);
  begin_.run(); // what the disk does not take now is left out, and a search reads more
  while ((code = rest.step()) == SQLITE_ROW)
    put_mark(rest.integer(0), rest.integer(1));
  rest.reset();
  if (commit_.run() != SQLITE_OK)
    rollback_.run();
  return code == SQLITE_DONE ? SQLITE_OK : code;
}

int tables::put_mark(std::int64_t id, std::int64_t at) {
  newest_at_ = std::max(newest_at_, at);
  if (!mark_ || id - marked_ < mark_distance)
    return SQLITE_OK;
  marked_ = id;
  mark_.bind(1, id);
  mark_.bind(2, newest_at_);
  return mark_.run();
}

std::string tables::migrate(const std::string& path, std::string& failure) {
  auto done = climb(db_, path, failure);
  if (!done.empty() && prepare_marks() != SQLITE_OK)
    failure = db_.failure();
  return done;
}

std::string tables::transact(const std::function<int()>& work) {
  int code = begin_.run();
  if (code == SQLITE_OK)
    code = work();
  if (code == SQLITE_OK)
    code = commit_.run();
  if (code == SQLITE_OK)
    return {};
  auto text = db_.failure();
  rollback_.run(); // refused where SQLite has rolled back by itself
  return text;
}

int tables::insert(const event& what) {
  insert_.bind(1, what.id);
  insert_.bind(2, milliseconds_of(what.at));
  insert_.bind(3, static_cast<std::int64_t>(what.kind));
  bind_or_null(insert_, 4, what.daemon);
  bind_or_null(insert_, 5, what.supervisor);
  bind_or_null(insert_, 6, what.node);
  insert_.bind(7, what.incarnation);
  if (what.cause)
    insert_.bind(8, static_cast<std::int64_t>(*what.cause));
  else
    insert_.bind_null(8);
  insert_.bind(9, what.text);
  const int code = insert_.run();
  return code == SQLITE_OK ? put_mark(what.id, milliseconds_of(what.at)) : code;
}

int tables::upsert(const child_row& row) {
  upsert_.bind_blob(1, bytes_of(row.id));
  upsert_.bind(2, row.name);
  upsert_.bind(3, row.supervisor);
  upsert_.bind(4, static_cast<std::int64_t>(row.state));
  upsert_.bind(5, row.incarnation);
  upsert_.bind(6, static_cast<std::int64_t>(row.restarts));
  upsert_.bind(7, row.streak);
  if (row.last) {
    upsert_.bind(8, static_cast<std::int64_t>(row.last->reason.cause));
    upsert_.bind(9, row.last->reason.value);
    upsert_.bind(10, static_cast<std::int64_t>(row.last->reason.core_dumped));
    upsert_.bind(11, row.last->reason.detail);
    upsert_.bind(12, milliseconds_of(row.last->at));
  } else {
    for (int at = 8; at <= 12; ++at)
      upsert_.bind_null(at);
  }
  upsert_.bind_blob(13, row.record);
  return upsert_.run();
}

int tables::remove(const uuid& id) {
  remove_child_.bind_blob(1, bytes_of(id));
  remove_desired_.bind_blob(1, bytes_of(id));
  const int code = remove_child_.run();
  return code == SQLITE_OK ? remove_desired_.run() : code;
}

int tables::set_desired(const uuid& id, const std::string& name, desired_state desired) {
  desired_.bind_blob(1, bytes_of(id));
  desired_.bind(2, name);
  desired_.bind(3, desired == desired_state::up ? 1 : 0);
  return desired_.run();
}

int tables::set_stack(const std::string& text) {
  stack_.bind_blob(1, text);
  return stack_.run();
}

int tables::prune(std::int64_t at_most, wall_time before, std::int64_t& deleted) {
  prune_.bind(1, at_most);
  prune_.bind(2, milliseconds_of(before));
  const int code = prune_.run();
  if (code == SQLITE_OK)
    deleted += db_.rows_changed();
  return code == SQLITE_OK && prune_marks_ ? prune_marks_.run() : code;
}

std::int64_t tables::event_count() { return db_.integer("SELECT count(*) FROM events").value_or(0); }

void tables::close_clean() {
  db_.exec("INSERT OR REPLACE INTO meta VALUES('clean', 1)");
  db_.exec("PRAGMA wal_checkpoint(TRUNCATE)");
}

} // namespace duende
