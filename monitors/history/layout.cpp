#include "monitors/history/layout.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace duende {
namespace {

constexpr const char* first_layout = R"(
  CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
  CREATE TABLE events(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind INTEGER NOT NULL, daemon TEXT, supervisor TEXT,
    node TEXT, incarnation INTEGER, cause INTEGER, text TEXT);
  CREATE INDEX events_daemon ON events(daemon) WHERE daemon IS NOT NULL;
  CREATE TABLE children(id BLOB PRIMARY KEY, name TEXT NOT NULL, supervisor TEXT NOT NULL, state INTEGER NOT NULL,
    incarnation INTEGER NOT NULL, restarts INTEGER NOT NULL, streak INTEGER NOT NULL, exit_cause INTEGER,
    exit_value INTEGER, exit_core INTEGER, exit_detail TEXT, exit_at INTEGER, record BLOB) WITHOUT ROWID;
  CREATE TABLE desired(id BLOB PRIMARY KEY, name TEXT NOT NULL, state INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE documents(name TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
  PRAGMA user_version = 1;
  PRAGMA application_id = 1685415278;
)";
static_assert(application_id == 1685415278, "the text above holds it");

/// The way from `from` to the next version; each text sets user_version last.
struct step {
  int from;
  const char* sql;
};

constexpr auto ladder = std::to_array<step>({
  {1, R"(
    CREATE INDEX events_kind ON events(kind);
    CREATE TABLE marks(id INTEGER PRIMARY KEY, newest_at INTEGER NOT NULL);
    PRAGMA user_version = 2;
  )"},
});
static_assert(ladder.size() == schema_version - 1 && ladder.back().from == schema_version - 1, "no step is missing");

std::string copy_name(const std::string& path, std::int64_t version) { return fmt::format("{}.v{}", path, version); }

/// Keeps the file as it is now under `target`. An error's text.
std::string keep_copy(sqlite::database& db, const std::string& target) {
  const auto temporary = target + ".new";
  const int fd = ::open(temporary.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600); // an empty one may be there
  if (fd < 0)
    return std::strerror(errno);
  std::string text;
  auto copy = db.prepare("VACUUM INTO ?1");
  if (copy)
    copy.bind(1, temporary);
  if (!copy || copy.run() != SQLITE_OK)
    text = db.failure();
  else if (::fsync(fd) != 0 || std::rename(temporary.c_str(), target.c_str()) != 0)
    text = std::strerror(errno);
  ::close(fd);
  if (!text.empty())
    ::unlink(temporary.c_str());
  return text;
}

} // namespace

int create_layout(sqlite::database& db) {
  int code = db.exec("BEGIN IMMEDIATE");
  if (code == SQLITE_OK)
    code = db.exec(first_layout);
  for (auto& each : ladder)
    if (code == SQLITE_OK)
      code = db.exec(each.sql);
  return code == SQLITE_OK ? db.exec("COMMIT") : code;
}

std::string climb(sqlite::database& db, const std::string& path, std::string& failure) {
  const auto begin = db.integer("PRAGMA user_version");
  if (!begin || *begin <= 0 || *begin >= schema_version)
    return {};
  const auto copy = copy_name(path, *begin);
  if (auto why = keep_copy(db, copy); !why.empty()) {
    failure = fmt::format("cannot keep a copy of '{}' as '{}': {}; it stays at version {}", path, copy, why, *begin);
    return {};
  }
  for (auto& each : ladder) {
    if (each.from < *begin)
      continue;
    int code = db.exec("BEGIN IMMEDIATE");
    if (code == SQLITE_OK)
      code = db.exec(each.sql);
    if (code == SQLITE_OK)
      code = db.exec("COMMIT");
    if (code == SQLITE_OK)
      continue;
    failure = fmt::format("cannot bring '{}' to version {}: {}", path, each.from + 1, db.failure());
    db.exec("ROLLBACK");
    return {};
  }
  return fmt::format(
    "'{}' has version {} now; as it was with version {} it is kept as '{}'", path, schema_version, *begin, copy);
}

std::string newest_copy(const std::string& path) {
  for (auto version = schema_version; version > 0; --version)
    if (auto name = copy_name(path, version); ::access(name.c_str(), R_OK) == 0)
      return name;
  return {};
}

} // namespace duende
