// Reading events back. Each filter is answered by what makes it short: the index of names, that of kinds, the marks of times.
#include "monitors/history/tables.hpp"

#include <algorithm>
#include <limits>

namespace duende {
namespace {

constexpr int first_daemon = 5; ///< number of the first daemon's parameter
/// Of two indexes the one with fewer entries is read; past so many both count as large.
constexpr std::int64_t large = 20'000;

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

/// The newest matching ids, by one index.
struct arm {
  std::string_view index;
  std::string where;
};

class selection {
public:
  selection(sqlite::database& db, const event_query& query) : db_(db), query_(query) {
    const bool marked =
      db_.integer("PRAGMA user_version").value_or(0) >= 2; // before the layout has climbed there are none
    after_ = query.after_id;
    if (query.since) {
      filter_ = " AND at >= ?2";
      if (marked)
        after_ = std::max(after_, marked_before());
    }
    for (auto kind = 0u; kind < 32; ++kind)
      if ((query.kinds >> kind & 1) != 0)
        kinds_ += fmt::format("{}{}", kinds_.empty() ? "" : ", ", kind);
    const bool by_kind = marked && query.kinds != 0;
    if (by_kind && (query.daemons.empty() || count(kind_arms()) < count(daemon_arms()))) {
      arms_ = kind_arms();
      add_daemon_filter();
    } else if (!query.daemons.empty()) {
      arms_ = daemon_arms();
      add_kind_filter();
    } else {
      add_kind_filter();
    }
  }

  sqlite::statement prepare() {
    std::string inner;
    if (arms_.empty())
      inner = fmt::format("SELECT * FROM events WHERE id > ?1{} ORDER BY id DESC LIMIT ?3", filter_);
    else
      inner = fmt::format(
        "SELECT * FROM events WHERE id IN (SELECT id FROM ({}) ORDER BY id DESC LIMIT ?3)",
        united(arms_, filter_, "?3"));
    auto rows = db_.prepare(fmt::format("SELECT * FROM ({}) ORDER BY id", inner));
    if (rows)
      bind(
        rows, static_cast<std::int64_t>(std::min<std::size_t>(query_.limit, std::numeric_limits<std::int32_t>::max())));
    return rows;
  }

private:
  /// Everything up to the id that comes back is older than what is asked for.
  std::int64_t marked_before() {
    auto mark = db_.prepare("SELECT max(id) FROM marks WHERE newest_at < ?1");
    if (!mark)
      return 0;
    mark.bind(1, milliseconds_of(*query_.since));
    return mark.step() == SQLITE_ROW ? mark.integer(0) : 0;
  }

  std::vector<arm> kind_arms() const {
    std::vector<arm> all;
    for (auto kind = 0u; kind < 32; ++kind)
      if ((query_.kinds >> kind & 1) != 0)
        all.push_back({"events_kind", fmt::format("kind = {}", kind)});
    return all;
  }
  std::vector<arm> daemon_arms() const {
    std::vector<arm> all;
    for (std::size_t i = 0; i < query_.daemons.size(); ++i)
      all.push_back({"events_daemon", fmt::format("daemon = ?{}", first_daemon + static_cast<int>(i))});
    return all;
  }
  void add_kind_filter() {
    if (query_.kinds != 0)
      filter_ += fmt::format(" AND kind IN ({})", kinds_);
  }
  void add_daemon_filter() {
    std::string names;
    for (std::size_t i = 0; i < query_.daemons.size(); ++i)
      names += fmt::format("{}?{}", i == 0 ? "" : ", ", first_daemon + static_cast<int>(i));
    if (!names.empty())
      filter_ += fmt::format(" AND daemon IN ({})", names);
  }

  static std::string united(const std::vector<arm>& arms, const std::string& filter, std::string_view limit) {
    std::string all;
    for (auto& each : arms)
      all += fmt::format(
        "{}SELECT * FROM (SELECT id FROM events INDEXED BY {} WHERE {} AND id > ?1{} ORDER BY id DESC LIMIT {})",
        all.empty() ? "" : " UNION ALL ", each.index, each.where, filter, limit);
    return all;
  }

  std::int64_t count(const std::vector<arm>& arms) {
    auto found = db_.prepare(fmt::format("SELECT count(*) FROM ({})", united(arms, "", "?3")));
    if (!found)
      return large;
    bind(found, large);
    return found.step() == SQLITE_ROW ? found.integer(0) : large;
  }

  void bind(sqlite::statement& to, std::int64_t limit) {
    to.bind(1, after_);
    to.bind(2, query_.since ? milliseconds_of(*query_.since) : std::numeric_limits<std::int64_t>::min());
    to.bind(3, limit);
    for (std::size_t i = 0; i < query_.daemons.size(); ++i)
      to.bind(first_daemon + static_cast<int>(i), query_.daemons[i]);
  }

  sqlite::database& db_;
  const event_query& query_;
  std::int64_t after_ = 0;
  std::string filter_, kinds_;
  std::vector<arm> arms_; ///< empty: by id alone
};

} // namespace

caf::expected<event_page> read_newest(const std::string& path, const event_query& query) {
  auto db = sqlite::database::open(path, sqlite::access::read_only);
  if (!db)
    return db.error();
  selection wanted{*db, query};
  auto rows = wanted.prepare();
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

caf::expected<std::string> read_stored_stack(const std::string& path) {
  auto db = sqlite::database::open(path, sqlite::access::read_only);
  if (!db)
    return db.error();
  auto row = db->prepare("SELECT body FROM documents WHERE name = 'stack'");
  const int code = row ? row.step() : SQLITE_ERROR;
  if (code == SQLITE_ROW)
    return row.bytes(0);
  if (code == SQLITE_DONE)
    return std::string{};
  return fail(errc::io_failure, "cannot read '{}': {}", path, db->failure());
}

} // namespace duende
