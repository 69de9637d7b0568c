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

constexpr int first_daemon = 5; ///< number of the first daemon's parameter in read_newest

std::int64_t milliseconds(wall_time at) { return at.time_since_epoch().count(); }

event event_of(const sqlite::statement& row) {
  event e;
  e.id = row.integer(0);
  e.at = wall_time{std::chrono::milliseconds{row.integer(1)}};
  e.kind = static_cast<event_kind>(row.integer(2));
  e.daemon = row.bytes(3);
  e.supervisor = row.bytes(4);
  e.node = row.bytes(5);
  e.incarnation = static_cast<std::uint32_t>(row.integer(6));
  if (!row.null(7))
    e.cause = static_cast<exit_cause>(row.integer(7));
  e.text = row.bytes(8);
  return e;
}

caf::expected<event_page> read_rows(const std::string& path, sqlite::database& db, sqlite::statement& rows) {
  event_page page;
  int code = SQLITE_ERROR;
  if (rows)
    while ((code = rows.step()) == SQLITE_ROW)
      page.events.push_back(event_of(rows));
  if (code != SQLITE_DONE)
    return fail(errc::io_failure, "cannot read '{}': {}", path, db.failure());
  page.oldest = db.integer("SELECT min(id) FROM events").value_or(0);
  return page;
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
  return all ? SQLITE_OK : SQLITE_ERROR;
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
  insert_.bind(2, milliseconds(what.at));
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
  return insert_.run();
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
    upsert_.bind(12, milliseconds(row.last->at));
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
  prune_.bind(2, milliseconds(before));
  const int code = prune_.run();
  if (code == SQLITE_OK)
    deleted += db_.rows_changed();
  return code;
}

std::int64_t tables::event_count() { return db_.integer("SELECT count(*) FROM events").value_or(0); }

void tables::close_clean() {
  db_.exec("INSERT OR REPLACE INTO meta VALUES('clean', 1)");
  db_.exec("PRAGMA wal_checkpoint(TRUNCATE)");
}

caf::expected<event_page> read_newest(const std::string& path, const event_query& query) {
  auto db = sqlite::database::open(path, sqlite::access::read_only);
  if (!db)
    return db.error();
  std::string filter;
  for (std::size_t i = 0; i < query.daemons.size(); ++i)
    filter += fmt::format("{}?{}", i == 0 ? "AND daemon IN (" : ", ", first_daemon + static_cast<int>(i));
  filter += query.daemons.empty() ? "" : ")";
  if (query.kinds != 0)
    filter += " AND (?4 >> kind) & 1";
  auto rows = db->prepare(fmt::format(
    "SELECT * FROM (SELECT * FROM events WHERE id > ?1 AND at >= ?2 {} ORDER BY id DESC LIMIT ?3) ORDER BY id",
    filter));
  rows.bind(1, query.after_id);
  rows.bind(2, query.since ? milliseconds(*query.since) : std::numeric_limits<std::int64_t>::min());
  for (std::size_t i = 0; i < query.daemons.size(); ++i)
    rows.bind(first_daemon + static_cast<int>(i), query.daemons[i]);
  if (query.kinds != 0)
    rows.bind(4, static_cast<std::int64_t>(query.kinds));
  rows.bind(3, static_cast<std::int64_t>(std::min<std::size_t>(query.limit, std::numeric_limits<std::int32_t>::max())));
  return read_rows(path, *db, rows);
}

caf::expected<event_page>
read_after(const std::string& path, std::int64_t after, std::int64_t until, std::size_t limit) {
  auto db = sqlite::database::open(path, sqlite::access::read_only);
  if (!db)
    return db.error();
  auto rows = db->prepare("SELECT * FROM events WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3");
  rows.bind(1, after);
  rows.bind(2, until);
  rows.bind(3, static_cast<std::int64_t>(limit));
  return read_rows(path, *db, rows);
}

} // namespace duende
